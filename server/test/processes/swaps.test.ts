import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { electricity, inRepository, Slipway } from './harness.ts';

/** What is served changes again and again while callers go on asking. */
let slipway: Slipway;
const lightgbm = inRepository('examples/electricity/model.txt');

beforeAll(async () => {
  slipway = await Slipway.start({ lanes: 2 });
});
afterAll(() => slipway.end());

test('no request is dropped, and each is answered by the version that it names', async () => {
  const steeper = join(slipway.folder, 'steeper.txt');
  writeFileSync(steeper, readFileSync(lightgbm, 'utf8').replace('sigmoid:1', 'sigmoid:2'));
  expect((await slipway.deploy('swapped', lightgbm)).status).toBe(201);
  expect((await slipway.deploy('swapped', steeper)).status).toBe(201);
  expect((await slipway.deploy('other', inRepository('spec/models/onnx_mlp/model.onnx'))).status).toBe(201);
  const rows = electricity(9062, 9072).map(({ features }) => features);
  const promote = (version: number) => slipway.api('POST', '/api/models/swapped/promote', { version });
  const wanted = new Map<number, Record<string, number>[]>();
  for (const version of [2, 1]) {
    expect((await promote(version)).status).toBe(200);
    const answers = await Promise.all(rows.map((features) => slipway.predict('swapped', { features })));
    wanted.set(
      version,
      answers.map(({ body }) => body.probabilities),
    );
  }
  expect(wanted.get(1)).not.toEqual(wanted.get(2));

  let going = true;
  const seen = new Map<number, number>();
  const callers = Array.from({ length: 8 }, async (_, caller) => {
    for (let i = caller; going; i++) {
      const k = i % rows.length;
      const { status, body } = await slipway.predict('swapped', { features: rows[k] });
      expect([status, body.probabilities]).toEqual([200, wanted.get(body.version)![k]]);
      seen.set(body.version, (seen.get(body.version) ?? 0) + 1);
    }
  });
  const changes = async (): Promise<void> => {
    for (let round = 0; round < 20; round++) {
      expect((await promote(2)).status).toBe(200);
      expect((await slipway.api('POST', '/api/models/swapped/rollback', {})).status).toBe(200);
      for (const verb of ['unload', 'load'])
        expect((await slipway.api('POST', `/api/models/other/${verb}`, {})).status).toBe(200);
    }
    expect((await slipway.deploy('swapped', lightgbm)).body.version.version).toBe(3);
  };
  await changes().finally(() => {
    going = false;
  });
  await Promise.all(callers);
  expect(seen.get(1)).toBeGreaterThan(0);
  expect(seen.get(2)).toBeGreaterThan(0);
});
