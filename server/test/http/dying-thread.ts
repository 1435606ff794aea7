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
  exit: () => process.exit(1),
});
