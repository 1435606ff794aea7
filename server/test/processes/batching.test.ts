import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { DeployAnswer, ModelView } from '../../src/api.ts';
import type { ModelStatistics } from '../../src/oip/statistics.ts';
import { attribute, floats, message, model, node, tensor, value, varints } from '../models/onnx/onnx-file.ts';
import { type Answer, inRepository, Slipway } from './harness.ts';

/** Requests of many callers at once, for a graph that onnxruntime runs. */
let slipway: Slipway;
const mlp = inRepository('spec/models/onnx_mlp/model.onnx');
const golden = JSON.parse(readFileSync(mlp.replace('model.onnx', 'golden.json'), 'utf8')) as {
  inputs: { data: number[][] }[];
  outputs: { name: string; data: number[][] }[];
};
const wanted = golden.outputs.find(({ name }) => name === 'probabilities')!;
/** Missing values are written as "NaN", which requests do not hold. */
const numbers = golden.inputs[0]!.data.flatMap((row, i) => (row.every(Number.isFinite) ? [i] : []));
const rows = numbers.map((i) => golden.inputs[0]!.data[i]!);
const right = numbers.map((i) => wanted.data[i]!);

beforeAll(async () => {
  slipway = await Slipway.start();
});
afterAll(() => slipway.end());

interface Inferred {
  outputs: { name: string; data: number[] }[];
  parameters: { slipway_ids: string[] };
}

/** A lane on a busy machine may have enough to do: then it says so, and is asked again, as it wants to be. */
async function infer(model: string, row: number): Promise<Answer<Inferred>> {
  for (;;) {
    const answer = await slipway.data<Inferred>('POST', `/v2/models/${model}/infer`, {
      id: `row-${row}`,
      inputs: [{ name: 'X', datatype: 'FP32', shape: [1, 64], data: rows[row % rows.length] }],
    });
    if (answer.status !== 503) return answer;
  }
}

async function statistics(model: string): Promise<ModelStatistics> {
  const { body } = await slipway.data<{ model_stats: ModelStatistics[] }>('GET', `/v2/models/${model}/stats`);
  return body.model_stats[0]!;
}

function gateOf({ version }: DeployAnswer): string {
  return version.gates.find(({ name }) => name === 'rows of several callers')?.detail ?? '';
}

test('they share calls of the model, and each gets its own answer, id and record', async () => {
  const { status, body } = await slipway.deploy('mlp', mlp);
  expect(status).toBe(201);
  expect(gateOf(body)).toContain('are merged where they wait');
  const count = 400;
  const answers = await Promise.all(Array.from({ length: count }, (_, i) => infer('mlp', i)));
  for (const [i, answer] of answers.entries()) {
    expect(answer.status).toBe(200);
    const got = answer.body.outputs.find(({ name }) => name === wanted.name)!.data;
    for (const [k, value] of right[i % rows.length]!.entries())
      expect(Math.abs(got[k]! - value)).toBeLessThanOrEqual(1e-5);
  }
  const ids = answers.map(({ body: { parameters } }) => parameters.slipway_ids[0]!);
  expect(new Set(ids).size).toBe(count);
  for (const i of [0, 17, count - 1]) {
    const kept = await slipway.prediction(ids[i]!);
    expect(kept.key).toBe(`row-${i}`);
    expect(Object.values(kept.features)).toEqual(rows[i % rows.length]!.map(Math.fround));
  }
  const { inference_count, execution_count, inference_stats, batch_stats } = await statistics('mlp');
  expect(inference_count).toBe(count);
  expect(execution_count).toBeLessThan(count);
  expect(inference_stats.success.count).toBe(count);
  expect(inference_stats.queue.ns).toBeGreaterThan(0);
  const inBatches = batch_stats.reduce((sum, one) => sum + one.batch_size * one.compute_infer.count, 0);
  expect(inBatches).toBe(count);
  expect(batch_stats.reduce((sum, one) => sum + one.compute_infer.count, 0)).toBe(execution_count);
});

test('a graph whose rows see each other is never merged', async () => {
  const { body } = await slipway.deploy('dynamic', inRepository('spec/models/onnx_int8_dynamic/model.onnx'));
  expect(gateOf(body)).toMatch(/are never merged: a row is answered .+ alone and .+ beside others/);
  const alone = (await infer('dynamic', 0)).body.outputs.map(({ data }) => data);
  const answers = await Promise.all(Array.from({ length: 64 }, (_, i) => infer('dynamic', i)));
  expect(answers[0]!.body.outputs.map(({ data }) => data)).toEqual(alone);
  const { inference_count, execution_count } = await statistics('dynamic');
  expect([inference_count, execution_count]).toEqual([65, 65]);
});

test('a request with an invalid row is refused, and its neighbours are answered', async () => {
  const bad = { inputs: [{ name: 'X', datatype: 'FP32', shape: [1, 3], data: [1, 2, 3] }] };
  const [first, refused, last] = await Promise.all([
    infer('mlp', 1),
    slipway.data('POST', '/v2/models/mlp/infer', bad),
    infer('mlp', 2),
  ]);
  expect([first.status, refused.status, last.status]).toEqual([200, 400, 200]);
});

test('a row that the graph has no value for is its caller’s fault, and costs those of the same call nothing', async () => {
  const file = join(slipway.folder, 'table.onnx');
  const graph = message(
    node('Cast', ['X'], ['i'], attribute('to', [3, 7], [20, 2])),
    node('Gather', ['table', 'i'], ['found']),
    node('Reshape', ['found', 'shape'], ['Y']),
    [2, 'g'],
    [5, tensor('table', [3, 1], floats(10, 20, 30))],
    [5, message([1, varints(2)], [2, 7], [7, varints(-1, 1)], [8, 'shape'])],
    value(11, 'X', 1),
    value(12, 'Y', 1),
  );
  writeFileSync(file, model(graph));
  const golden = join(slipway.folder, 'table-golden.json');
  const tensorOf = (name: string, data: number[]) => ({ name, datatype: 'FP32', shape: [3, 1], data });
  writeFileSync(
    golden,
    JSON.stringify({
      rows: 3,
      inputs: [tensorOf('X', [0, 1, 2])],
      outputs: [tensorOf('Y', [10, 20, 30])],
    }),
  );
  const serving = { batching: { maxSize: 8, maxDelayMs: 5 } };
  expect((await slipway.deploy('table', file, { golden, serving })).status).toBe(201);
  const asked = Array.from({ length: 60 }, (_, i) => i % 4);
  const answers = await Promise.all(
    asked.map((X) =>
      slipway.predict<{ prediction: number; error: { code: string; message: string } }>('table', {
        features: { X },
      }),
    ),
  );
  for (const [i, { status, body }] of answers.entries()) {
    if (asked[i] === 3) {
      expect([status, body.error.code]).toEqual([422, 'ROW_REFUSED']);
      expect(body.error.message).toContain(
        'Gather: indices element out of data bounds, idx=3 must be within',
      );
    } else expect([status, body.prediction]).toEqual([200, 10 * (asked[i]! + 1)]);
  }
  const { body } = await slipway.api<ModelView>('GET', '/api/models/table');
  expect(body.health.level).toBe('well');
});
