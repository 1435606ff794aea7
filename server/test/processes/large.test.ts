import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { ModelView } from '../../src/api.ts';
import { idText } from '../../src/journal/id.ts';
import { Reader } from '../../src/journal/reader.ts';
import { recover } from '../../src/journal/recover.ts';
import { GrpcClient } from '../grpc/client.ts';
import { electricity, inRepository, Slipway, until } from './harness.ts';

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

test('megabytes of tensors as bytes, over HTTP and gRPC, whose records are segments of their own', async () => {
  expect((await slipway.deploy('logit', inRepository('bench/logit-30.json'))).status).toBe(201);
  const metadata = await slipway.data<{ inputs: { name: string; datatype: string }[] }>(
    'GET',
    '/v2/models/logit',
  );
  const { name, datatype } = metadata.body.inputs[0]!;
  expect(datatype).toBe('FP64');
  const [count, width] = [20_000, 30];
  const numbers = Float64Array.from({ length: count * width }, (_, i) => ((i * 7919) % 1000) / 500 - 1);
  const bytesOf = (from: number, to: number): Buffer =>
    Buffer.from(numbers.buffer, 8 * width * from, 8 * width * (to - from));
  type Output = { name: string; datatype: string };
  const client = new GrpcClient(slipway.grpc, {
    'grpc.max_receive_message_length': 20_000_000,
    'grpc.max_send_message_length': 20_000_000,
  });
  const message = (from: number, to: number) => ({
    model_name: 'logit',
    id: 'wide',
    inputs: [{ name, datatype, shape: [to - from, width] }],
    raw_input_contents: [bytesOf(from, to)],
  });
  type Response = {
    id: string;
    parameters: { slipway_ids: { string_param: string }; triton_final_response?: { bool_param: boolean } };
    outputs: Output[];
    raw_output_contents: Buffer[];
  };
  const parts: Response[] = [];
  for (let at = 0; at < count; at += 1000) parts.push(await client.ask('ModelInfer', message(at, at + 1000)));
  const whole = parts[0]!.outputs.map((_, k) =>
    Buffer.concat(parts.map((one) => one.raw_output_contents[k]!)),
  );
  const ids: string[] = [];
  const check = (response: Response): void => {
    expect(response.id).toBe('wide');
    expect(response.raw_output_contents.every((bytes, k) => bytes.equals(whole[k]!))).toBe(true);
    ids.push(response.parameters.slipway_ids.string_param.split(',')[12_345]!);
  };
  const alone = await client.ask<Response>('ModelInfer', message(0, count));
  check(alone);
  expect(alone.parameters.triton_final_response).toBeUndefined();
  const streamed = await client.stream<{ infer_response: Response }>('ModelStreamInfer', [
    message(0, count),
    message(0, count),
  ]);
  expect(streamed).toHaveLength(2);
  for (const { infer_response } of streamed) {
    check(infer_response);
    expect(infer_response.parameters.triton_final_response?.bool_param).toBe(true);
  }
  client.close();

  const head = Buffer.from(
    JSON.stringify({
      id: 'wide',
      inputs: [{ ...message(0, count).inputs[0], parameters: { binary_data_size: 8 * count * width } }],
      parameters: { binary_data_output: true },
    }),
  );
  const answer = await fetch(`${slipway.dataPlane}/v2/models/logit/infer`, {
    method: 'POST',
    headers: { 'inference-header-content-length': String(head.length) },
    body: new Uint8Array(Buffer.concat([head, bytesOf(0, count)])),
  });
  const bytes = Buffer.from(await answer.arrayBuffer());
  const jsonBytes = Number(answer.headers.get('inference-header-content-length'));
  const json = JSON.parse(bytes.toString('utf8', 0, jsonBytes)) as { parameters: { slipway_ids: string[] } };
  expect(bytes.subarray(jsonBytes).equals(Buffer.concat(whole))).toBe(true);
  ids.push(json.parameters.slipway_ids[12_345]!);

  expect(new Set(ids).size).toBe(4);
  for (const id of ids) {
    const { features, key } = await slipway.prediction(id);
    expect(Object.values(features)).toEqual([...numbers.subarray(12_345 * width, 12_346 * width)]);
    expect(key).toBe('wide');
  }
  // All of it is folded: 20,000 rows in small requests, and four times in large ones.
  const counted = async () =>
    (await slipway.api<ModelView>('GET', '/api/models/logit')).body.traffic.predictions;
  await until(async () => (await counted()) === 5 * count, 'all rows to be counted');
});

test('a cache is not asked for very many rows', async () => {
  expect((await slipway.deploy('cached', file, { serving: { cacheBytes: 1e8 } })).status).toBe(201);
  const answers = await Promise.all(
    [1, 2].map(() => post<Named>('/predict/cached', { rows: [...rows, ...rows] })),
  );
  expect(answers.map(({ headers }) => headers.get('cache-status'))).toEqual(
    Array(2).fill('slipway; fwd=bypass'),
  );
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
  // A lane has up to 100 ms of long requests to answer, by what the gate measured, and refuses what is more.
  const patient = async (): ReturnType<typeof post<Named>> => {
    const answer = await post<Named>('/predict/electricity', { rows });
    return answer.status === 503 ? patient() : answer;
  };
  const others = Array.from({ length: 12 }, patient);
  expect((await slipway.deploy('electricity', file, { as: 'live' })).status).toBe(201);
  const last = await patient();
  expect(last.body.version).toBe(2);
  for (const { status, body } of [...(await Promise.all(others)), last]) {
    expect(status).toBe(200);
    expect(body.predictions.map(({ probabilities }) => probabilities[1])).toEqual(known);
    expect([1, 2]).toContain(body.version);
    expect((await slipway.prediction(`${body.id}.9`)).answers[0]!.version).toBe(body.version);
  }
});

test('lanes that are killed meanwhile lose nothing that was answered, and leave nothing half', async () => {
  const killed = await Slipway.start({ lanes: 1, bodyLimit: 20_000_000 });
  try {
    expect((await killed.deploy('logit', inRepository('bench/logit-30.json'))).status).toBe(201);
    const { name } = (await killed.data<{ inputs: { name: string }[] }>('GET', '/v2/models/logit')).body
      .inputs[0]!;
    const [count, width] = [20_000, 30];
    const tensor = { name, datatype: 'FP64', shape: [count, width] };
    const parameters = { binary_data_size: 8 * count * width };
    const head = Buffer.from(JSON.stringify({ inputs: [{ ...tensor, parameters }] }));
    const body = new Uint8Array(Buffer.concat([head, Buffer.alloc(parameters.binary_data_size)]));
    const headers = { 'inference-header-content-length': String(head.length) };
    const answered = new Set<string>();
    let going = true;
    const client = async (): Promise<void> => {
      while (going) {
        try {
          const path = `${killed.dataPlane}/v2/models/logit/infer`;
          const answer = await fetch(path, { method: 'POST', headers, body });
          const { parameters: said } = (await answer.json()) as {
            parameters: { slipway_ids: string[] };
          };
          answered.add(said.slipway_ids[0]!.slice(0, 36));
        } catch {
          // Its lane was killed, or had enough to do.
        }
      }
    };
    const clients = [client(), client()];
    for (let kill = 1; kill <= 4; kill++) {
      const before = answered.size;
      await until(() => answered.size > before, 'another answer');
      await killed.kill('lane-1');
    }
    const before = answered.size;
    await until(() => answered.size > before, 'an answer of the last lane');
    going = false;
    await Promise.all(clients);
    await killed.stop();
    const journal = join(killed.folder, 'journal');
    recover(journal);
    const reader = new Reader(journal, {}, () => expect.unreachable('damage'));
    const kept = new Set<string>();
    for (let events = reader.read(1 << 24); events.length > 0; events = reader.read(1 << 24))
      for (const { event } of events) if (event.type === 'prediction') kept.add(idText(event.id));
    reader.close();
    expect([...answered].filter((id) => !kept.has(id))).toEqual([]);
    expect(readdirSync(journal).filter((one) => one.endsWith('.rows'))).toEqual([]);
  } finally {
    await killed.end();
  }
});

test('a Slipway that stops answers what it has', async () => {
  // So few that their model's time is within what a lane takes on, however slow the gate found the machine.
  const text = JSON.stringify({ rows: rows.slice(0, 3000) });
  const sent = Array.from({ length: 3 }, () => {
    const answer = Promise.withResolvers<number>();
    const asked = request(`${slipway.dataPlane}/predict/electricity`, { method: 'POST' }, (response) => {
      response.resume().on('end', () => answer.resolve(response.statusCode!));
    });
    asked.on('error', answer.reject).end(text);
    return { finished: once(asked, 'finish'), answer: answer.promise };
  });
  await Promise.all(sent.map(({ finished }) => finished));
  await slipway.stop();
  expect(await Promise.all(sent.map(({ answer }) => answer))).toEqual([200, 200, 200]);
});
