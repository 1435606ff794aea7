import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Metadata } from '@grpc/grpc-js';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Config } from '../../src/processes/config.ts';
import { GrpcClient } from '../grpc/client.ts';
import { Collector, type Received } from './collector.ts';
import { electricity, inRepository, Slipway, until } from './harness.ts';

/** Traces as a collector gets them: real lanes, OTLP over HTTP. */
let collector: Collector;
let slipway: Slipway;
let grpc: GrpcClient;
const forest = inRepository('examples/electricity/model.txt');
const mlp = inRepository('spec/models/onnx_mlp/model.onnx');
const loop = inRepository('spec/models/onnx_loop_from_input/model.onnx');
const [row] = electricity(9062, 9063);
const values = Object.values(row!.features);

const often = { OTEL_BSP_SCHEDULE_DELAY: '20' };

/** Children inherit the variables that are set while they are started. */
async function startWith(variables: Record<string, string>, config: Partial<Config>): Promise<Slipway> {
  const before = { ...process.env };
  Object.assign(process.env, variables);
  try {
    return await Slipway.start(config);
  } finally {
    process.env = before;
  }
}

beforeAll(async () => {
  collector = await Collector.start();
  slipway = await startWith(often, { otlpEndpoint: collector.url });
  expect((await slipway.deploy('electricity', forest)).status).toBe(201);
  grpc = new GrpcClient(slipway.grpc);
});
afterAll(async () => {
  grpc.close();
  await slipway.end();
  await collector.close();
});

interface Caller {
  id: string;
  parent: string;
  headers: { traceparent: string; tracestate: string };
}

function caller(flags = '01'): Caller {
  const [id, parent] = [randomBytes(16).toString('hex'), randomBytes(8).toString('hex')];
  return { id, parent, headers: { traceparent: `00-${id}-${parent}-${flags}`, tracestate: 'vendor=1' } };
}

async function post(path: string, body: unknown, headers: Record<string, string> = {}, to = slipway) {
  const response = await fetch(new URL(path, to.dataPlane), {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
  });
  return { response, body: (await response.json()) as { id: string } };
}

/** A trace's spans by name, once its server span is there: it is the last to end. */
async function traceOf(id: string, from = collector): Promise<Record<string, Received>> {
  await until(() => from.trace(id).some(({ kind }) => kind === 'SPAN_KIND_SERVER'), `trace ${id}`);
  return Object.fromEntries(
    from.trace(id).map((span) => [span.kind === 'SPAN_KIND_SERVER' ? 'server' : span.name, span]),
  );
}

const tensor = { name: 'X', shape: [1, values.length], datatype: 'FP64', data: values };
const message = {
  model_name: 'electricity',
  inputs: [{ ...tensor, data: undefined, contents: { fp64_contents: values } }],
};
const http = (path: string, body: unknown) => async (headers: Record<string, string>) => {
  const { response } = await post(path, body, headers);
  expect(response.status).toBe(200);
  return response.headers.get('traceresponse') ?? undefined;
};
const method = (name: string) => `inference.GRPCInferenceService/${name}`;

test.each([
  ['POST /predict/{model}', http('/predict/electricity', { features: row!.features })],
  ['POST /v2/models/{model}/infer', http('/v2/models/electricity/infer', { inputs: [tensor] })],
  [
    'POST /v2/models/{model}/versions/{version}/infer',
    http('/v2/models/electricity/versions/1/infer', { inputs: [tensor] }),
  ],
  ['POST /v1/models/{model}:predict', http('/v1/models/electricity:predict', { instances: [row!.features] })],
  [
    method('ModelInfer'),
    async (headers: Record<string, string>) => {
      let told: string | undefined;
      const onTail = (tail: Metadata): void => {
        told = tail.get('traceresponse')[0]?.toString();
      };
      await grpc.ask('ModelInfer', message, { headers, onTail });
      return told;
    },
  ],
])('%s: a server span under the caller’s, and within it where the time went', async (name, ask) => {
  const { id, parent, headers } = caller();
  const told = await ask(headers);
  const { server, predict, journal } = await traceOf(id);
  expect(server).toMatchObject({
    name,
    parentSpanId: parent,
    traceState: 'vendor=1',
    status: 'STATUS_CODE_UNSET',
    attributes: { 'slipway.model': 'electricity', 'slipway.version': 1, 'slipway.rows': 1 },
    resource: { 'service.name': 'slipway', 'slipway.process': 'lane-1' },
  });
  const isGrpc = name === method('ModelInfer');
  expect(server!.attributes).toMatchObject(
    isGrpc
      ? { 'rpc.system.name': 'grpc', 'rpc.method': name, 'rpc.response.status_code': 'OK' }
      : { 'http.request.method': 'POST', 'http.route': name.slice(5), 'http.response.status_code': 200 },
  );
  expect(told).toBe(`00-${id}-${server!.spanId}-01`);
  for (const part of [predict!, journal!]) {
    expect(part.parentSpanId).toBe(server!.spanId);
    expect(part.start >= server!.start && part.end >= part.start && server!.end >= part.end).toBe(true);
  }
  expect(journal!.start >= predict!.end).toBe(true);
  expect(predict!.attributes).toMatchObject({ 'slipway.kind': 'lightgbm', 'slipway.runs': 'inline' });
  // From the trace to what the journal keeps of it.
  const kept = await slipway.prediction(String(server!.attributes['slipway.prediction']));
  expect(kept.features).toEqual(row!.features);
  // And back.
  expect(kept.trace).toBe(id);
});

test('a large body’s span says how long it was read', async () => {
  const { id, headers } = caller();
  const rows = Array(4000).fill(row!.features);
  const { response } = await post('/predict/electricity', { rows }, headers);
  expect(response.status).toBe(200);
  const { server, read, predict } = await traceOf(id);
  expect(read!.parentSpanId).toBe(server!.spanId);
  expect(read!.start >= server!.start && read!.end >= read!.start && predict!.start >= read!.end).toBe(true);
  const broken = caller();
  const wrong = await post('/predict/electricity', { rows: [...rows, 7] }, broken.headers);
  expect(wrong.response.status).toBe(400);
  expect((await traceOf(broken.id)).read).toMatchObject({ status: 'STATUS_CODE_ERROR' });
});

test('each request of a stream has a span, and calls that are no prediction have one', async () => {
  const before = collector.spans.length;
  await grpc.stream('ModelStreamInfer', [message, { ...message, model_name: 'nobody' }]);
  const { headers, id } = caller();
  await grpc.ask('ModelMetadata', { name: 'electricity' }, { headers });
  expect((await traceOf(id)).server!.name).toBe(method('ModelMetadata'));
  const streamed = () =>
    collector.spans.slice(before).filter(({ name }) => name === method('ModelStreamInfer'));
  await until(() => streamed().length === 2, 'both');
  const codes = streamed().map(({ attributes }) => attributes['rpc.response.status_code']);
  expect(codes.sort()).toEqual(['NOT_FOUND', 'OK']);
});

test('who came without a trace is told the id of a new one', async () => {
  const { response } = await post('/predict/electricity', { features: row!.features });
  const [, id, span, flags] = /^00-(.{32})-(.{16})-(..)$/.exec(response.headers.get('traceresponse')!)!;
  const { server } = await traceOf(id!);
  expect(server).toMatchObject({ spanId: span, parentSpanId: '', traceState: '' });
  // Sampled, and its id is random.
  expect(flags).toBe('03');
});

test('what the caller does not record is not recorded here, and probes never are', async () => {
  const before = collector.spans.length;
  const { id, headers } = caller('00');
  const { response } = await post('/predict/electricity', { features: row!.features }, headers);
  expect(response.headers.get('traceresponse')).toBeNull();
  await fetch(new URL('/v2/health/ready', slipway.dataPlane), { headers: caller().headers });
  const last = caller();
  await post('/predict/electricity', { features: row!.features }, last.headers);
  await traceOf(last.id);
  expect(collector.trace(id)).toEqual([]);
  expect(collector.spans.length - before).toBe(3);
});

test('what goes wrong is said by its code; only what is the server’s fault is an error', async () => {
  const wrong = caller();
  await post('/predict/electricity', { features: { nonsense: 1 } }, wrong.headers);
  const missing = caller();
  await post('/predict/nobody', { features: {} }, missing.headers);
  const nowhere = caller();
  await fetch(new URL('/nowhere/1', slipway.dataPlane), { headers: nowhere.headers });
  const late = caller();
  await post('/predict/electricity', { features: row!.features }, { ...late.headers, 'grpc-timeout': '0n' });
  const seen = async ({ id }: Caller) => {
    const { server } = await traceOf(id);
    const { name, status, attributes } = server!;
    return [name, attributes['slipway.code'], attributes['http.response.status_code'], status];
  };
  const predict = 'POST /predict/{model}';
  expect(await seen(wrong)).toEqual([predict, 'FEATURE_MISSING', 422, 'STATUS_CODE_UNSET']);
  expect(await seen(missing)).toEqual([predict, 'MODEL_NOT_FOUND', 404, 'STATUS_CODE_UNSET']);
  expect(await seen(nowhere)).toEqual(['GET', 'NOT_FOUND', 404, 'STATUS_CODE_UNSET']);
  expect(await seen(late)).toEqual([predict, 'TIMEOUT', 504, 'STATUS_CODE_ERROR']);
});

test('merged requests: each trace has its wait and its call, and those of one call name each other', async () => {
  const serving = { batching: { maxSize: 64, maxDelayMs: 50 } };
  expect((await slipway.deploy('mlp', mlp, { serving })).status).toBe(201);
  const features = { inputs: [{ name: 'X', shape: [1, 64], datatype: 'FP32', data: Array(64).fill(0.5) }] };
  const merged = async (): Promise<Received[] | null> => {
    const callers = Array.from({ length: 8 }, () => caller());
    await Promise.all(callers.map(({ headers }) => post('/v2/models/mlp/infer', features, headers)));
    const traces = await Promise.all(callers.map(({ id }) => traceOf(id)));
    for (const { server, queue, predict } of traces) {
      expect([queue!.parentSpanId, predict!.parentSpanId]).toEqual([server!.spanId, server!.spanId]);
      expect(predict!.start >= queue!.start).toBe(true);
    }
    const calls = traces.map(({ predict }) => predict!);
    return calls.some(({ links }) => links.length > 0) ? calls : null;
  };
  let calls: Received[] | null = null;
  // On a busy machine they may come one by one.
  await until(async () => {
    calls = await merged();
    return calls !== null;
  }, 'some to be merged');
  for (const { links, attributes } of calls!) {
    for (const link of links) {
      const call = calls!.find(({ spanId }) => spanId === link.spanId)!;
      expect(call.traceId).toBe(link.traceId);
      expect(call.attributes).toEqual(attributes);
      expect(attributes['slipway.batch.requests']).toBeGreaterThan(1);
    }
  }
});

test.each([
  ['REST', () => slipway.dataPlane, 'POST /v2/models/{model}/versions/{version}/infer'],
  ['gRPC', () => `grpc://${slipway.grpc}`, method('ModelInfer')],
])('an upstream’s spans over %s belong to the call of it', async (name, url, asked) => {
  const folder = mkdtempSync(join(tmpdir(), 'slipway-traces-'));
  const file = join(folder, 'upstream.json');
  writeFileSync(file, JSON.stringify({ slipway: 'remote', url: url(), model: 'electricity', version: '1' }));
  const model = `remote-${name.toLowerCase()}`;
  expect((await slipway.deploy(model, file, { classes: [0, 1] })).status).toBe(201);
  rmSync(folder, { recursive: true });
  const { id, parent, headers } = caller();
  const features = Object.fromEntries(values.map((value, i) => [`X_${i}`, value]));
  expect((await post(`/predict/${model}`, { features }, headers)).response.status).toBe(200);
  const of = (wanted: (span: Received) => boolean): Received => collector.trace(id).find(wanted)!;
  await until(() => of(({ parentSpanId }) => parentSpanId === parent) !== undefined, 'its own span');
  const own = of(({ parentSpanId }) => parentSpanId === parent);
  const call = of((span) => span.parentSpanId === own.spanId && span.name === 'predict');
  expect([call.kind, call.attributes['slipway.runs']]).toEqual(['SPAN_KIND_CLIENT', 'elsewhere']);
  await until(() => of(({ parentSpanId }) => parentSpanId === call.spanId) !== undefined, 'the upstream’s');
  const upstream = of(({ parentSpanId }) => parentSpanId === call.spanId);
  expect(upstream).toMatchObject({ name: asked, kind: 'SPAN_KIND_SERVER', traceState: 'vendor=1' });
  expect(upstream.attributes['slipway.model']).toBe('electricity');
});

test('a scorer is asked in a client’s span, in which its queue is seen', async () => {
  expect((await slipway.deploy('loop', loop)).status).toBe(201);
  const { id, headers } = caller();
  await post('/predict/loop', { features: { x: 0.5, rounds: 10 } }, headers);
  const { server, predict, queue } = await traceOf(id);
  expect(predict).toMatchObject({ kind: 'SPAN_KIND_CLIENT', parentSpanId: server!.spanId });
  expect(predict!.attributes['slipway.runs']).toBe('scorer');
  expect(queue!.parentSpanId).toBe(predict!.spanId);
});

test('who waits until a version is attached again sees it', async () => {
  // Room for one at a time.
  const own = await startWith(often, { otlpEndpoint: collector.url, modelMemory: 1 });
  try {
    for (const model of ['electricity', 'other']) expect((await own.deploy(model, forest)).status).toBe(201);
    const { id, headers } = caller();
    await post('/predict/electricity', { features: row!.features }, headers, own);
    const { server, attach, predict } = await traceOf(id);
    expect(attach).toMatchObject({
      parentSpanId: server!.spanId,
      attributes: { 'slipway.model': 'electricity' },
    });
    expect(predict!.start >= attach!.end).toBe(true);
  } finally {
    await own.end();
  }
});

test('a collector that is away or hangs costs spans, which are counted, and no request', async () => {
  const broken = await Collector.start();
  broken.hangs = true;
  const limits = { OTEL_BSP_SCHEDULE_DELAY: '10', OTEL_BSP_MAX_QUEUE_SIZE: '8' };
  const own = await startWith(limits, { otlpEndpoint: broken.url });
  try {
    expect((await own.deploy('electricity', forest)).status).toBe(201);
    for (let i = 0; i < 20; i++)
      expect((await post('/predict/electricity', { features: row!.features }, {}, own)).response.status).toBe(
        200,
      );
    const count = async (outcome: string): Promise<number> => {
      const { body } = await own.api<string>('GET', '/metrics');
      return Number(new RegExp(`slipway_spans_total\\{outcome="${outcome}"\\} (\\d+)`).exec(body)![1]);
    };
    // Three spans a request, of which eight may wait; the last ends a moment after its answer.
    await until(async () => (await count('dropped')) >= 60 - 8, 'the rest to be dropped');
    expect(await count('dropped')).toBe(60 - 8);
    expect(await count('exported')).toBe(0);
  } finally {
    await own.end();
    await broken.close();
  }
});

test('the standard variables say where, as whom and how much; what waits leaves before a graceful stop ends', async () => {
  const other = await Collector.start();
  const own = await startWith(
    {
      OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: `${other.url}/own/path`,
      OTEL_EXPORTER_OTLP_HEADERS: 'x-tenant=shop',
      OTEL_SERVICE_NAME: 'pricing',
      OTEL_RESOURCE_ATTRIBUTES: 'deployment.environment.name=test',
      OTEL_TRACES_SAMPLER: 'parentbased_traceidratio',
      OTEL_TRACES_SAMPLER_ARG: '0',
      OTEL_BSP_SCHEDULE_DELAY: '3600000',
    },
    {},
  );
  expect((await own.deploy('electricity', forest)).status).toBe(201);
  const sampled = caller();
  await post('/predict/electricity', { features: row!.features }, sampled.headers, own);
  await post('/predict/electricity', { features: row!.features }, {}, own);
  await own.end();
  expect(other.asked).toHaveLength(1);
  expect(other.asked[0]).toMatchObject({ path: '/own/path', headers: { 'x-tenant': 'shop' } });
  expect(new Set(other.spans.map(({ traceId }) => traceId))).toEqual(new Set([sampled.id]));
  expect(other.spans[0]!.resource).toMatchObject({
    'service.name': 'pricing',
    'deployment.environment.name': 'test',
  });
  await other.close();
});
