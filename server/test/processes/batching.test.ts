import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { DeployAnswer } from '../../src/api.ts';
import type { ModelStatistics } from '../../src/oip/statistics.ts';
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
