import { once } from 'node:events';
import { request } from 'node:http';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { electricity, inRepository, Slipway } from './harness.ts';

/** Bodies and answers that the side thread reads and writes, on a real Slipway: they are as small ones are. */
let slipway: Slipway;
const file = inRepository('examples/electricity/model.txt');
const rows = electricity(9062, 17_062).map(({ features }) => features);
const values = rows.map((features) => Object.values(features));
interface Named {
  id: string;
  version: number;
  predictions: { id: string; prediction: unknown; probabilities: { [label: string]: number } }[];
}

/** What each row is answered in a request of few rows. */
let known: number[] = [];

beforeAll(async () => {
  slipway = await Slipway.start({ bodyLimit: 20_000_000 });
  expect((await slipway.deploy('electricity', file)).status).toBe(201);
  for (let at = 0; at < rows.length; at += 500) {
    const { body } = await post<Named>('/predict/electricity', { rows: rows.slice(at, at + 500) });
    known.push(...body.predictions.map(({ probabilities }) => probabilities[1]!));
  }
  known = known.slice(0, rows.length);
});
afterAll(() => slipway.end());

async function post<T>(
  path: string,
  body: unknown,
  headers: Record<string, string> = {},
): Promise<{ status: number; body: T; headers: Headers }> {
  const response = await fetch(`${slipway.dataPlane}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: body instanceof Uint8Array ? new Uint8Array(body) : JSON.stringify(body),
  });
  return { status: response.status, body: (await response.json()) as T, headers: response.headers };
}

test('named rows: every answer, its id and its record', async () => {
  const body = { rows, subject: 's', key: 'k', at: '2020-01-02T03:04:05Z' };
  const packed = gzipSync(JSON.stringify(body));
  for (const [sent, headers] of [
    [body, {}],
    [packed, { 'content-encoding': 'gzip' }],
  ] as const) {
    const answer = await post<Named>('/predict/electricity', sent, headers);
    expect(answer.status).toBe(200);
    expect(answer.body.predictions.map(({ probabilities }) => probabilities[1])).toEqual(known);
    expect(answer.body.predictions[7999]!.id).toBe(`${answer.body.id}.7999`);
    for (const row of [0, 4321, 7999]) {
      const kept = await slipway.prediction(`${answer.body.id}.${row}`);
      expect(kept).toMatchObject({
        features: rows[row],
        subject: 's',
        key: 'k',
        at: Date.UTC(2020, 0, 2, 3, 4, 5),
      });
      expect(kept.answers[0]!.probabilities![1]).toBe(known[row]);
    }
  }
});

test('tensors as JSON and as bytes, and KServe’s instances', async () => {
  const metadata = await slipway.data<{ inputs: { name: string }[] }>('GET', '/v2/models/electricity');
  const { name } = metadata.body.inputs[0]!;
  const tensor = { name, datatype: 'FP64', shape: [rows.length, values[0]!.length] };
  type Outputs = { id: string; parameters: { slipway_ids: string[] }; outputs: { data: number[] }[] };
  const infer = async (body: unknown, headers = {}) => {
    const answer = await post<Outputs>('/v2/models/electricity/infer', body, headers);
    expect(answer.status).toBe(200);
    const { parameters, outputs } = answer.body;
    expect(
      outputs.some(({ data }) => data.length === known.length && data.every((p, i) => p === known[i])),
    ).toBe(true);
    expect(new Set(parameters.slipway_ids).size).toBe(rows.length);
    const kept = await slipway.prediction(parameters.slipway_ids[4321]!);
    expect(kept.features).toEqual(rows[4321]);
    return answer.body;
  };
  const { id } = await infer({ id: 'large', inputs: [{ ...tensor, data: values }] });
  expect(id).toBe('large');
  const head = Buffer.from(
    JSON.stringify({ inputs: [{ ...tensor, parameters: { binary_data_size: 8 * values.flat().length } }] }),
  );
  const bytes = Buffer.concat([head, Buffer.from(Float64Array.from(values.flat()).buffer)]);
  await infer(bytes, { 'inference-header-content-length': String(head.length) });
  const kserve = await post<{ predictions: number[]; slipway_ids: string[] }>(
    '/v1/models/electricity:predict',
    { instances: values },
  );
  expect(kserve.body.slipway_ids.length).toBe(rows.length);
  expect(kserve.body.predictions.flat()).toEqual(expect.arrayContaining([known[0], known[7999]]));
});

test('what is wrong with one row is said as it is of a small body', async () => {
  const codes: unknown[] = [];
  const { period: _, ...less } = rows[0]!;
  for (const wrong of [less, { ...rows[0], more: 1 }, { ...rows[0], period: 'noon' }, 7]) {
    const said = async (given: unknown[]) =>
      (await post<{ error: { code: string; message: string } }>('/predict/electricity', { rows: given })).body
        .error;
    const small = await said([wrong]);
    const { message, ...rest } = await said([...rows, wrong]);
    expect(rest).toEqual({ ...small, message: undefined });
    expect(message).toBe(small.message.replace('Row 0', 'Row 8000'));
    codes.push(small.code);
  }
  expect(codes).toEqual(['FEATURE_MISSING', 'FEATURE_UNKNOWN', 'FEATURE_MISTYPED', 'INVALID_REQUEST']);
  const cut = Buffer.from(JSON.stringify({ rows })).subarray(0, -1);
  expect((await post('/predict/electricity', cut)).body).toMatchObject({ error: { code: 'INVALID_JSON' } });
  const late = await post('/predict/electricity', { rows }, { 'grpc-timeout': '1m' });
  expect([late.status, late.body]).toEqual([504, { error: expect.objectContaining({ code: 'TIMEOUT' }) }]);
});

test('versions change meanwhile: each answer is whole, and of one of them', async () => {
  const others = Array.from({ length: 12 }, () => post<Named>('/predict/electricity', { rows }));
  expect((await slipway.deploy('electricity', file, { as: 'live' })).status).toBe(201);
  const last = await post<Named>('/predict/electricity', { rows });
  expect(last.body.version).toBe(2);
  for (const { status, body } of [...(await Promise.all(others)), last]) {
    expect(status).toBe(200);
    expect(body.predictions.map(({ probabilities }) => probabilities[1])).toEqual(known);
    expect([1, 2]).toContain(body.version);
    expect((await slipway.prediction(`${body.id}.9`)).answers[0]!.version).toBe(body.version);
  }
});

test('a Slipway that stops answers what it has', async () => {
  const text = JSON.stringify({ rows });
  const sent = Array.from({ length: 4 }, () => {
    const answer = Promise.withResolvers<number>();
    const asked = request(`${slipway.dataPlane}/predict/electricity`, { method: 'POST' }, (response) => {
      response.resume().on('end', () => answer.resolve(response.statusCode!));
    });
    asked.on('error', answer.reject).end(text);
    return { finished: once(asked, 'finish'), answer: answer.promise };
  });
  await Promise.all(sent.map(({ finished }) => finished));
  await slipway.stop();
  expect(await Promise.all(sent.map(({ answer }) => answer))).toEqual([200, 200, 200, 200]);
});
