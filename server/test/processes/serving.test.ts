import { afterAll, beforeAll, expect, test } from 'vitest';
import type { ModelView, TimelineEntry, VersionView } from '../../src/api.ts';
import type { ModelConfig } from '../../src/oip/model-config.ts';
import type { ModelStatistics } from '../../src/oip/statistics.ts';
import { GrpcClient } from '../grpc/client.ts';
import { electricity, inRepository, Slipway, until } from './harness.ts';

/** How a version is served: chosen when it is deployed, changed later, in force at once. */
let slipway: Slipway;
let grpc: GrpcClient;
const forest = inRepository('examples/electricity/model.txt');
const mlp = inRepository('spec/models/onnx_mlp/model.onnx');
const rows = electricity(9062, 9162);

beforeAll(async () => {
  slipway = await Slipway.start();
  grpc = new GrpcClient(slipway.grpc);
});
afterAll(async () => {
  grpc.close();
  await slipway.end();
});

interface Asked {
  status: string | null;
  body: { id: string; probabilities: Record<string, number> };
}

async function ask(model: string, row: number): Promise<Asked> {
  const response = await fetch(new URL(`/predict/${model}`, slipway.dataPlane), {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ features: rows[row]!.features }),
  });
  return { status: response.headers.get('cache-status'), body: (await response.json()) as Asked['body'] };
}

async function statistics(model: string): Promise<ModelStatistics> {
  const { body } = await slipway.data<{ model_stats: ModelStatistics[] }>('GET', `/v2/models/${model}/stats`);
  return body.model_stats[0]!;
}

function tune(model: string, request: unknown, version = 1) {
  return slipway.api<VersionView & { error: { code: string; message: string } }>(
    'PATCH',
    `/api/models/${model}/versions/${version}/serving`,
    request,
  );
}

const hit = 'slipway; hit';
const stored = 'slipway; fwd=miss; stored';

test('what was answered is answered from the cache, and is a prediction all the same', async () => {
  const { status, body } = await slipway.deploy('cached', forest, { serving: { cacheBytes: 1e6 } });
  expect(status).toBe(201);
  expect(body.version.serving).toEqual({ batching: null, automatic: true, cacheBytes: 1e6, timeoutMs: null });
  const first = await ask('cached', 0);
  const again = await ask('cached', 0);
  const other = await ask('cached', 1);
  expect([first.status, again.status, other.status]).toEqual([stored, hit, stored]);
  expect(again.body.probabilities).toEqual(first.body.probabilities);
  expect(again.body.id).not.toBe(first.body.id);
  // The loop is the same: each is journaled with its features, takes its own label, and is counted.
  await slipway.label({ id: first.body.id, label: 0 });
  await slipway.label({ id: again.body.id, label: 1 });
  const kept = await slipway.prediction(again.body.id);
  expect(kept).toMatchObject({ features: rows[0]!.features, label: { value: 1 } });
  expect(kept.answers[0]!.probabilities).toEqual(first.body.probabilities);
  const view = async () =>
    (await slipway.api<ModelView>('GET', '/api/models/cached')).body.traffic.predictions;
  await until(async () => (await view()) === 3, 'all three to be counted');
  const { inference_count, execution_count, inference_stats } = await statistics('cached');
  expect([inference_count, execution_count]).toEqual([2, 2]);
  expect(inference_stats).toMatchObject({
    success: { count: 3 },
    // Triton's perf_analyzer ends itself where these differ.
    compute_input: { count: 2 },
    compute_infer: { count: 2 },
    compute_output: { count: 2 },
    cache_hit: { count: 1 },
    cache_miss: { count: 2 },
  });
  const { body: metrics } = await slipway.api<string>('GET', '/metrics');
  expect(metrics).toContain('slipway_cache_requests_total{model="cached",version="1",outcome="hit"} 1');
});

test('over every protocol alike, and by what the rows hold, however they are written', async () => {
  const { features } = rows[2]!;
  await ask('cached', 2);
  const data = Object.values(features);
  const body = { inputs: [{ name: 'input', datatype: 'FP64', shape: [1, data.length], data }] };
  const metadata = await slipway.data<{ inputs: { name: string }[] }>('GET', '/v2/models/cached');
  const { name } = metadata.body.inputs[0]!;
  const response = await fetch(new URL('/v2/models/cached/infer', slipway.dataPlane), {
    method: 'POST',
    body: JSON.stringify({ inputs: [{ ...body.inputs[0], name }] }),
  });
  expect([response.status, response.headers.get('cache-status')]).toEqual([200, hit]);
  const inputs = [{ name, datatype: 'FP64', shape: [1, data.length], contents: { fp64_contents: data } }];
  const heads: unknown[] = [];
  await grpc.ask(
    'ModelInfer',
    { model_name: 'cached', inputs },
    { onHead: (head) => heads.push(head.get('cache-status')[0]) },
  );
  expect(heads).toEqual([hit]);
  const kserve = await fetch(new URL('/v1/models/cached:predict', slipway.dataPlane), {
    method: 'POST',
    body: JSON.stringify({ instances: [features] }),
  });
  expect([kserve.status, kserve.headers.get('cache-status')]).toEqual([200, hit]);
});

test('the same rows at once are one call of a slow model, each with an id and a record, whoever leaves', async () => {
  const loop = inRepository('spec/models/onnx_loop_from_input/model.onnx');
  const serving = { cacheBytes: 1e6, timeoutMs: 120_000 };
  expect((await slipway.deploy('slow', loop, { serving })).status).toBe(201);
  /** More than half a second of its scorer. */
  const rounds = 400_000;
  const begin = (x: number, headers: Record<string, string> = {}, signal?: AbortSignal) =>
    fetch(new URL('/predict/slow', slipway.dataPlane), {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify({ features: { x, rounds } }),
      ...(signal ? { signal } : {}),
    });
  /** The lane has looked at all that was sent before: each of its turns reads what is there. */
  const taken = async (): Promise<void> => {
    for (let turn = 0; turn < 3; turn++) await slipway.data('GET', '/v2/health/ready');
  };
  const together = await Promise.all(Array.from({ length: 6 }, () => begin(0.5)));
  const collapsed = 'slipway; fwd=miss; collapsed';
  expect(together.map(({ headers }) => headers.get('cache-status')).sort()).toEqual(
    [...Array.from({ length: 5 }, () => collapsed), stored].sort(),
  );
  const bodies = (await Promise.all(together.map((one) => one.json()))) as {
    id: string;
    prediction: number;
  }[];
  expect(new Set(bodies.map(({ id }) => id)).size).toBe(6);
  expect(new Set(bodies.map(({ prediction }) => prediction)).size).toBe(1);
  for (const { id } of bodies) expect((await slipway.prediction(id)).features).toEqual({ x: 0.5, rounds });

  // The first leaves: its call goes on for the others, one of whom cannot wait for it.
  const leaving = new AbortController();
  const first = begin(0.25, {}, leaving.signal).catch(({ name }: Error) => name);
  await taken();
  const others = [begin(0.25), begin(0.25, { 'grpc-timeout': '10m' }), begin(0.25)];
  await taken();
  leaving.abort();
  expect(await first).toBe('AbortError');
  const answers = await Promise.all(others);
  expect(answers.map(({ status, headers }) => [status, headers.get('cache-status')])).toEqual([
    [200, collapsed],
    [504, null],
    [200, collapsed],
  ]);
  await until(async () => (await statistics('slow')).inference_stats.success.count >= 8, 'all to be counted');
  const { execution_count, inference_stats } = await statistics('slow');
  expect(execution_count).toBe(2);
  expect(inference_stats.cache_miss.count).toBe(2);
  expect((await begin(0.25)).headers.get('cache-status')).toBe(hit);
});

test('a learner’s update makes what it answered before void', async () => {
  const learner = inRepository('examples/electricity/learner.json');
  const baseline = inRepository('examples/electricity/elec.csv');
  const { status } = await slipway.deploy('learning', learner, {
    baseline,
    label: 'class',
    serving: { cacheBytes: 1e6 },
  });
  expect(status).toBe(201);
  const first = await ask('learning', 5);
  expect([first.status, (await ask('learning', 5)).status]).toEqual([stored, hit]);
  await slipway.label({ id: first.body.id, label: rows[5]!.label });
  const after = await ask('learning', 5);
  expect(after.status).toBe(stored);
  expect(after.body.probabilities).not.toEqual(first.body.probabilities);
  const { answers } = await slipway.prediction(after.body.id);
  expect(answers[0]!.update).toBe(1);
});

test('it is changed without another version, in force when it is answered, and stays so', async () => {
  await slipway.deploy('mlp', mlp);
  const { body: before } = await slipway.api<VersionView>('GET', '/api/models/mlp/versions/1');
  expect(before.serving).toMatchObject({ automatic: true, batching: { maxSize: 64, maxDelayMs: 0 } });
  const send = async () => {
    const data = Array.from({ length: 64 }, (_, i) => i / 64);
    const inputs = [{ name: 'X', datatype: 'FP32', shape: [1, 64], data }];
    // A lane on a busy machine may have enough to do, and wants to be asked again.
    while ((await slipway.data('POST', '/v2/models/mlp/infer', { inputs })).status === 503);
  };
  const off = await tune('mlp', { batching: 'off' });
  expect([off.status, off.body.serving.batching]).toEqual([200, null]);
  await Promise.all(Array.from({ length: 50 }, send));
  expect(await statistics('mlp')).toMatchObject({ inference_count: 50, execution_count: 50 });
  // Four requests make up a preferred size: none waits for the delay's end, which no test would see.
  const on = await tune('mlp', { batching: { maxSize: 8, preferredSizes: [4], maxDelayMs: 10_000 } });
  expect(on.body.serving).toMatchObject({ automatic: false, batching: { maxSize: 8, preferredSizes: [4] } });
  await Promise.all(Array.from({ length: 4 }, send));
  const { execution_count, batch_stats } = await statistics('mlp');
  expect(execution_count).toBe(51);
  expect(batch_stats.map(({ batch_size, compute_infer }) => [batch_size, compute_infer.count])).toEqual([
    [1, 50],
    [4, 1],
  ]);
  const config = (await slipway.data<ModelConfig>('GET', '/v2/models/mlp/config')).body;
  expect(config).toMatchObject({
    max_batch_size: 8,
    input: [{ name: 'X', dims: [64] }],
    dynamic_batching: { preferred_batch_size: [4], max_queue_delay_microseconds: 10_000_000 },
    response_cache: { enable: false },
  });
  const { config: same } = await grpc.ask<{ config: object }>('ModelConfig', { name: 'mlp' });
  expect(same).toMatchObject({ max_batch_size: 8, dynamic_batching: { preferred_batch_size: [4] } });
  // What is not said stays as it is; the lanes keep the version attached, and with it what it has cached.
  await tune('cached', { timeoutMs: 5000 });
  expect((await ask('cached', 0)).status).toBe(hit);
  await tune('mlp', { batching: { maxDelayMs: 0 } });
  await slipway.kill('control');
  await slipway.kill('lane-1');
  const { body: after } = await slipway.api<VersionView>('GET', '/api/models/mlp/versions/1');
  expect(after.serving.batching).toMatchObject({ maxSize: 8, preferredSizes: [4], maxDelayMs: 0 });
  const { body } = await slipway.api<{ entries: TimelineEntry[] }>('GET', '/api/timeline?model=mlp');
  expect(body.entries.map(({ kind }) => kind)).toEqual(['tune', 'tune', 'tune', 'deploy']);
  expect(body.entries[1]!.message).toContain('up to 8 rows go in one call');
});

test('one whose time in the queue is over is refused, and said so', async () => {
  await tune('mlp', { batching: { maxSize: 8, preferredSizes: [8], maxDelayMs: 10_000 } });
  const data = Array.from({ length: 64 }, () => 0);
  const inputs = [{ name: 'X', datatype: 'FP32', shape: [1, 64], data }];
  const late = await slipway.data<{ error: string }>('POST', '/v2/models/mlp/infer', {
    inputs,
    parameters: { timeout: 20_000 },
  });
  expect(late.status).toBe(504);
  expect(late.body.error).toMatch(/^TIMEOUT: .*waited \d+ ms/);
  await tune('mlp', { batching: 'auto' });
});

test('what cannot be served so is refused, and changes nothing', async () => {
  const refused = async (model: string, request: unknown): Promise<string> => {
    const { status, body } = await tune(model, request);
    expect(status).toBe(400);
    return `${body.error.code} ${body.error.message}`;
  };
  expect(await refused('cached', { batching: { maxSize: 8 } })).toMatch(/INVALID_REQUEST .*answers at once/);
  expect(await refused('mlp', { batching: { maxSize: 0 } })).toMatch(
    /INVALID_REQUEST body\.batching\.maxSize must be >= 1\./,
  );
  expect(await refused('mlp', { batching: { colour: 'red' } })).toMatch(
    /body\.batching\.colour is no field of this request\./,
  );
  expect(await refused('mlp', { batching: { preferredSizes: [8, 4] } })).toMatch(/do not ascend/);
  expect(await refused('mlp', { batching: { maxSize: 4, preferredSizes: [8] } })).toMatch(
    /more than the \d+ rows of one call/,
  );
  expect(await refused('mlp', { batching: { defaultPriority: 9 } })).toMatch(/none of the 3 levels/);
  // Whichever of the two is changed, and where both are said at once.
  const late = /timeout of 5 ms is over before a batch that waits 20 ms/;
  expect(await refused('mlp', { batching: { maxDelayMs: 20, queueTimeoutMs: 5 } })).toMatch(late);
  expect((await tune('mlp', { batching: { maxDelayMs: 20 } })).status).toBe(200);
  expect(await refused('mlp', { batching: { queueTimeoutMs: 5 } })).toMatch(late);
  expect(await refused('mlp', { timeoutMs: 5 })).toMatch(late);
  expect((await tune('mlp', { batching: { maxDelayMs: 0, queueTimeoutMs: 5 } })).status).toBe(200);
  expect(await refused('mlp', { batching: { maxDelayMs: 20 } })).toMatch(late);
  await tune('mlp', { batching: 'auto' });
  expect(await refused('mlp', { cacheBytes: -1 })).toMatch(/body.cacheBytes/);
  expect(await refused('mlp', { colour: 'red' })).toMatch(/no field/);
  await slipway.deploy('dynamic', inRepository('spec/models/onnx_int8_dynamic/model.onnx'));
  expect(await refused('dynamic', { batching: { maxSize: 8 } })).toMatch(/never merged/);
  expect((await tune('mlp', {}, 9)).body.error.code).toBe('VERSION_NOT_FOUND');
  expect((await tune('nobody', {})).body.error.code).toBe('MODEL_NOT_FOUND');
  const { body } = await slipway.api<VersionView>('GET', '/api/models/mlp/versions/1');
  expect(body.serving).toMatchObject({ automatic: true, batching: { maxSize: 64 } });
});
