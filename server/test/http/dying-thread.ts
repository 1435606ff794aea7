import { workAside } from '../../src/lane/side-work.ts';

/** What a lane's thread may come to. */
workAside({
  sound: ({ model }) => ({ output: model, transfer: [] }),
  memory: () => {
    const kept: object[] = [];
    for (;;) kept.push({ kept: kept.length });
  },
  endless: () => {
    for (;;);
  },
  /** For a while V8 does not hear that it shall end. */
  deaf: () => JSON.parse(`[${'{},'.repeat(3_000_000)}{}]`),
  exit: () => process.exit(1),
});
