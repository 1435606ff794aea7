import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, expect, test } from 'vitest';
import { type Assignment, defaultConfig } from '../../src/processes/config.ts';
import { type Loss, Supervised, type SupervisedOptions } from '../../src/processes/supervised.ts';

const folder = mkdtempSync(join(tmpdir(), 'slipway-supervised-'));
afterAll(() => rmSync(folder, { recursive: true }));

function supervised(
  script: string,
  options: Pick<SupervisedOptions, 'onReady' | 'onLost'> & Partial<SupervisedOptions>,
): Supervised {
  const file = join(folder, 'child.mjs');
  writeFileSync(file, script);
  return new Supervised({
    name: 'child',
    module: pathToFileURL(file),
    assignment: (): Assignment => ({
      name: 'child',
      config: defaultConfig,
      lane: 0,
      incarnation: 0,
      dataPlane: '',
      grpc: '',
      control: '',
    }),
    flags: [],
    descriptors: [],
    heartbeatMs: () => 60_000,
    givesWay: false,
    mayHang: false,
    calmMs: 0,
    onMessage: () => {},
    ...options,
  });
}

test('a process that the system could not start is tried again', async () => {
  // No process can be given a descriptor that is not open.
  const descriptors = [1_000_000];
  const lost: (number | null)[] = [];
  await new Promise<void>((ready) => {
    const one = supervised("process.on('message', () => process.exit(0)); process.send({ type: 'ready' });", {
      descriptors,
      onReady: () => void one.stop(10_000).then(ready),
      onLost: ({ code }) => {
        lost.push(code);
        descriptors.length = 0;
      },
    });
    one.start();
  });
  expect(lost).toEqual([null]);
});

test('what fails when it is told to end is a loss, what ends or takes too long is none; none is replaced', async () => {
  const endings = {
    "process.kill(process.pid, 'SIGSEGV')": 'SIGSEGV',
    'process.exit(3)': 3,
    'process.exit(0)': null,
    'for (;;);': null,
  };
  for (const [ending, wanted] of Object.entries(endings)) {
    const lost: Loss[] = [];
    let isStarted = 0;
    await new Promise<void>((ended) => {
      const one = supervised(`process.on('message', () => { ${ending} }); process.send({ type: 'ready' });`, {
        onReady: () => {
          isStarted++;
          void one.stop(ending.startsWith('for') ? 300 : 20_000).then(ended);
        },
        onLost: (loss) => lost.push(loss),
      });
      one.start();
    });
    expect(lost.map(({ signal, code }) => signal ?? code)).toEqual(wanted === null ? [] : [wanted]);
    for (const loss of lost) expect(loss).toMatchObject({ wasReady: true, wasEnding: true, killedFor: null });
    expect(isStarted).toBe(1);
  }
});
