import { mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { layout } from '../../src/layout.ts';
import { Blobs } from '../../src/registry/blobs.ts';
import { electricity, inRepository, Slipway, until } from '../processes/harness.ts';

const hour = 60 * 60 * 1000;

/** As if it had been written so long ago. */
function age(path: string, ms: number): void {
  const at = (Date.now() - ms) / 1000;
  utimesSync(path, at, at);
}

test('sweeping removes what is old and nobody needs, and only that', async () => {
  const step = fc.record({ what: fc.constantFrom('put', 'age', 'use', 'hold', 'sweep'), which: fc.nat(4) });
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 30 }), async (steps) => {
      const folder = mkdtempSync(join(tmpdir(), 'slipway-sweep-'));
      try {
        const blobs = new Blobs(folder);
        const digests: string[] = [];
        for (const byte of [0, 1, 2, 3, 4]) digests.push((await blobs.put(Uint8Array.of(byte))).digest);
        const [there, old, inUse, held] = [
          new Set(digests),
          new Set<string>(),
          new Set<string>(),
          new Set<string>(),
        ];
        const ends: (() => void)[] = [];
        const work: Promise<void>[] = [];
        for (const { what, which } of steps) {
          const digest = digests[which]!;
          if (what === 'put') {
            await blobs.put(Uint8Array.of(which));
            there.add(digest);
            old.delete(digest);
          } else if (what === 'age' && there.has(digest)) {
            age(join(folder, digest), 2 * hour);
            old.add(digest);
          } else if (what === 'use') inUse.add(digest);
          else if (what === 'hold') {
            held.add(digest);
            work.push(blobs.holding([digest], () => new Promise((resolve) => ends.push(resolve))));
          } else if (what === 'sweep') {
            blobs.sweep(inUse, Date.now() - hour);
            for (const one of old) if (!inUse.has(one) && !held.has(one)) there.delete(one);
          }
          expect(new Set(readdirSync(folder))).toEqual(there);
        }
        for (const end of ends) end();
        await Promise.all(work);
        // Nobody holds any of them any more.
        blobs.sweep(new Set(), Date.now() + hour);
        expect(readdirSync(folder)).toEqual([]);
      } finally {
        rmSync(folder, { recursive: true, force: true });
      }
    }),
    { numRuns: 40 },
  );
});

test('control that is killed again and again while it sweeps loses nothing that a version needs', async () => {
  const slipway = await Slipway.start();
  try {
    const golden = inRepository('examples/electricity/golden.json');
    const file = inRepository('examples/electricity/model.txt');
    expect((await slipway.deploy('electricity', file, { golden })).status).toBe(201);
    const { blobs } = layout(slipway.folder);
    // The golden rows are kept in a form of their own; the file that they came in is not needed any more.
    const asGiven = await slipway.upload(golden);
    const needed = new Set(readdirSync(blobs).filter((name) => name !== asGiven.digest));
    // What was uploaded and never deployed, what was being written, and what was uploaded just now.
    const refused = await slipway.deploy('nothing', inRepository('examples/electricity/elec.csv'));
    expect(refused.status).toBe(422);
    const leftovers = readdirSync(blobs).filter((name) => !needed.has(name));
    expect(leftovers).toHaveLength(2);
    const left = (k: number): string =>
      join(blobs, k % 2 === 0 ? `new-${k}` : k.toString(16).padStart(64, '0'));
    for (let k = 0; k < 2000; k++) writeFileSync(left(k), 'left');
    for (const name of readdirSync(blobs)) age(join(blobs, name), 2 * hour);
    const young = await slipway.upload(inRepository('spec/models/xgb_regression/model.json'));
    for (let kill = 0; kill < 3; kill++) await slipway.kill('control');
    await until(() => readdirSync(blobs).length === needed.size + 1, 'the leftovers to be swept');
    expect(new Set(readdirSync(blobs))).toEqual(new Set([...needed, young.digest]));
    // A new lane reads all that the version is made of.
    await slipway.kill('lane-1');
    const { features } = electricity(9062, 9063)[0]!;
    expect((await slipway.predict('electricity', { features })).status).toBe(200);
    expect((await slipway.api('POST', '/api/models/young/versions', { file: young })).status).toBe(201);
  } finally {
    await slipway.end();
  }
});
