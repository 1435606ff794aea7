import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { decodeGoldenRows, encodeGoldenRows } from '../../src/golden-rows.ts';
import { layout } from '../../src/layout.ts';
import { Registry } from '../../src/registry/registry.ts';
import { inRepository, Slipway } from './harness.ts';

/** Lanes warm a version with the golden rows that it was deployed with, and serve it only if it answers as it did then. */
let slipway: Slipway;
beforeAll(async () => {
  slipway = await Slipway.start();
});
afterAll(() => slipway.end());

const kinds: [name: string, file: string][] = [
  ['lightgbm', 'spec/models/lgb_binary_nan/model.txt'],
  ['texts', 'spec/models/cat_categorical_onehot/model.cbm'],
  ['runtime', 'spec/models/onnx_mlp/model.onnx'],
];

/** Where a version's golden rows are kept. */
function blobOf(model: string, version: number): string {
  const places = layout(slipway.folder);
  const registry = new Registry(places.registry);
  const { golden } = registry.version(model, version)!;
  registry.close();
  return join(places.blobs, golden!);
}

/** As if the lane computed otherwise than the machine that proved the version. */
function otherwise(blob: string): void {
  const rows = decodeGoldenRows(readFileSync(blob, 'utf8'));
  rows.answers[rows.answers.length - 1]! += 0.25;
  writeFileSync(blob, encodeGoldenRows(rows));
}

test.each(kinds)('%s: its golden rows are kept and answered in the lane', async (name, path) => {
  const file = inRepository(path);
  const golden = file.replace(/model\.\w+$/, 'golden.json');
  const { status } = await slipway.deploy(name, file, { golden });
  expect(status).toBe(201);
  const rows = decodeGoldenRows(readFileSync(blobOf(name, 1), 'utf8'));
  expect(rows.frame.rows).toBeGreaterThan(0);
  expect((await slipway.data('GET', `/v2/models/${name}/ready`)).status).toBe(200);
});

test('a version that answers otherwise is not made live, and what was live stays', async () => {
  const [name, path] = kinds[0]!;
  const file = inRepository(path);
  const golden = file.replace('model.txt', 'golden.json');
  const other = join(slipway.folder, 'other.txt');
  writeFileSync(other, `${readFileSync(file, 'utf8')}\n`);
  const [first, second] = [blobOf(name, 1), await slipway.deploy(name, other, { golden })];
  expect(second.status).toBe(201);
  const kept = readFileSync(first, 'utf8');
  otherwise(blobOf(name, 2));
  const { status, body } = await slipway.api('POST', `/api/models/${name}/promote`, { version: 2 });
  expect([status, body]).toEqual([
    422,
    {
      error: expect.objectContaining({ code: 'GATE_FAILED', message: expect.stringContaining('golden row') }),
    },
  ]);
  // Both versions answered the same at the gate, so that they share what is kept.
  writeFileSync(first, kept);
  expect((await slipway.data<{ versions: string[] }>('GET', `/v2/models/${name}`)).body.versions).toEqual([
    '1',
  ]);
  expect((await slipway.data('GET', `/v2/models/${name}/ready`)).status).toBe(200);
});

test('in a lane that starts it is not ready, says why, and keeps no other from answering', async () => {
  const [name] = kinds[2]!;
  otherwise(blobOf(name, 1));
  await slipway.kill('lane-1');
  const { status, body } = await slipway.data<{ error: string }>('GET', `/v2/models/${name}/ready`);
  expect([status, body.error]).toEqual([503, expect.stringMatching(/^ATTACH_FAILED: .*golden row/)]);
  const row = { inputs: [{ name: 'X', datatype: 'FP32', shape: [1, 64], data: new Array(64).fill(1) }] };
  const asked = await slipway.data<{ error: string }>('POST', `/v2/models/${name}/infer`, row);
  expect([asked.status, asked.body.error]).toEqual([503, expect.stringContaining('ATTACH_FAILED')]);
  for (const [other] of kinds.slice(0, 2))
    expect((await slipway.data('GET', `/v2/models/${other}/ready`)).status).toBe(200);
});
