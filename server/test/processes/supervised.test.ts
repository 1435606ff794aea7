import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, test } from 'vitest';
import { type Assignment, defaultConfig } from '../../src/processes/config.ts';
import { Supervised } from '../../src/processes/supervised.ts';

test('a process that the system could not start is tried again', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'slipway-supervised-'));
  const script = join(folder, 'child.mjs');
  writeFileSync(script, "process.on('message', () => process.exit(0)); process.send({ type: 'ready' });");
  // No process can be given a descriptor that is not open.
  const descriptors = [1_000_000];
  const lost: (number | null)[] = [];
  try {
    await new Promise<void>((ready) => {
      const supervised = new Supervised({
        name: 'child',
        module: pathToFileURL(script),
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
        descriptors,
        heartbeatMs: () => 60_000,
        givesWay: false,
        mayHang: false,
        calmMs: 0,
        onReady: () => void supervised.stop(10_000).then(ready),
        onMessage: () => {},
        onLost: ({ code }) => {
          lost.push(code);
          descriptors.length = 0;
        },
      });
      supervised.start();
    });
    expect(lost).toEqual([null]);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
