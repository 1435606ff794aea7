import { writeFileSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { join } from 'node:path';
import { deflateSync, gunzipSync, gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { message, model, node } from '../models/onnx/onnx-file.ts';
import { electricity, inRepository, Slipway } from '../processes/harness.ts';

/** What Triton's and KServe's clients send over HTTP, on a real Slipway. */
let slipway: Slipway;
const rows = electricity(9062, 9082).map(({ features }) => Object.values(features));

beforeAll(async () => {
  slipway = await Slipway.start({ bodyLimit: 100_000 });
  for (const [model, file] of [
    ['electricity', 'examples/electricity/model.txt'],
    ['logit', 'spec/models/sk_logit/model.onnx'],
    ['mixed', 'spec/models/sk_pipeline_mixed/model.onnx'],
  ] as const) {
    expect((await slipway.deploy(model, inRepository(file))).status).toBe(201);
  }
  const open = (field: number, name: string): [number, Uint8Array] => [
    field,
    message(
      [1, name],
      [2, message([1, message([1, 1], [2, message([1, message([2, 'N'])], [1, message([2, 'L'])])])])],
    ),
  ];
  const file = join(slipway.folder, 'open.onnx');
  writeFileSync(file, model(message(node('Add', ['X', 'X'], ['Y']), [2, 'g'], open(11, 'X'), open(12, 'Y'))));
  expect((await slipway.deploy('open', file)).status).toBe(201);
});
afterAll(() => slipway.end());

interface Inferred {
  id?: string;
  parameters: { slipway_ids: string[] };
  outputs: { name: string; shape: number[]; data?: number[]; parameters?: { binary_data_size: number } }[];
}

async function post(path: string, body: Buffer | object, headers: Record<string, string> = {}) {
  const bytes = Buffer.isBuffer(body) ? body : Buffer.from(JSON.stringify(body));
  const response = await fetch(`${slipway.dataPlane}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: new Uint8Array(bytes),
  });
  return {
    status: response.status,
    headers: response.headers,
    bytes: Buffer.from(await response.arrayBuffer()),
  };
}
const infer = (body: Buffer | object, headers?: Record<string, string>, model = 'electricity') =>
  post(`/v2/models/${model}/infer`, body, headers);
const json = <T = Inferred>({ bytes }: { bytes: Buffer }): T => JSON.parse(bytes.toString()) as T;

const tensor = (count: number, more: object = {}) => ({
  name: 'X',
  datatype: 'FP64',
  shape: [count, 6],
  data: rows.slice(0, count).flat(),
  ...more,
});
/** A request with its tensor behind the JSON. */
function binary(count: number, size: number, more: object = {}): [Buffer, Record<string, string>] {
  const parameters = { binary_data_size: size };
  const head = Buffer.from(
    JSON.stringify({ inputs: [tensor(count, { data: undefined, parameters })], ...more }),
  );
  const tail = Buffer.from(Float64Array.from(rows.slice(0, count).flat()).buffer);
  return [Buffer.concat([head, tail]), { 'inference-header-content-length': String(head.length) }];
}

test('the one input of a file that names none goes by any name, as any numbers', async () => {
  const plain = json(await infer({ inputs: [tensor(5)] })).outputs[0]!.data!;
  // As KServe's documents and MLServer's clients call it.
  for (const name of ['input-0', 'predict']) {
    expect(json(await infer({ inputs: [tensor(5, { name })] })).outputs[0]!.data).toEqual(plain);
  }
  const single = json(await infer({ inputs: [tensor(5, { datatype: 'FP32' })] })).outputs[0]!.data!;
  const rounded = rows.slice(0, 5).flat().map(Math.fround);
  expect(json(await infer({ inputs: [tensor(5, { data: rounded })] })).outputs[0]!.data).toEqual(single);
  const refused = await infer({ inputs: [tensor(5, { name: 'input-0', datatype: 'BYTES' })] });
  expect([refused.status, json<{ error: string }>(refused).error]).toEqual([
    400,
    expect.stringContaining('Input "input-0" is BYTES; this model takes FP64.'),
  ]);
  // The names of one that has them are its own.
  expect((await infer({ inputs: [{ ...tensor(1), name: 'x' }] }, {}, 'open')).status).toBe(400);
});

describe('binary data', () => {
  test('in and out equal JSON to the bit', async () => {
    const plain = json(await infer({ inputs: [tensor(5)] })).outputs[0]!.data!;
    expect(json(await infer(...binary(5, 240))).outputs[0]!.data).toEqual(plain);
    for (const more of [
      { outputs: [{ name: 'predict', parameters: { binary_data: true } }] },
      { parameters: { binary_data_output: true } },
    ]) {
      const { bytes, headers } = await infer(...binary(5, 240, more));
      expect(headers.get('content-type')).toBe('application/octet-stream');
      const length = Number(headers.get('inference-header-content-length'));
      const { outputs } = json({ bytes: bytes.subarray(0, length) });
      expect(outputs[0]).toEqual({
        name: 'predict',
        datatype: 'FP64',
        shape: [5],
        parameters: { binary_data_size: 40 },
      });
      expect([...new Float64Array(new Uint8Array(bytes.subarray(length)).buffer)]).toEqual(plain);
    }
  });

  test.each([
    ['a size beyond the body', 2 ** 40],
    ['a negative size', -8],
    ['bytes that nobody names', 232],
    ['half a number', 236],
  ])('%s is refused', async (_name, size) => {
    const { status, bytes } = await infer(...binary(5, size));
    expect(status).toBe(400);
    expect(json<{ error: string }>({ bytes }).error).toMatch(/binary|holds/);
  });

  test('a body of bytes alone is the one input, and is answered in bytes', async () => {
    const plain = json(await infer({ inputs: [tensor(5)] })).outputs[0]!.data!;
    const raw = Buffer.from(Float64Array.from(rows.slice(0, 5).flat()).buffer);
    const alone = { 'inference-header-content-length': '0' };
    const { status, bytes, headers } = await infer(raw, alone);
    expect(status).toBe(200);
    const length = Number(headers.get('inference-header-content-length'));
    expect(json({ bytes: bytes.subarray(0, length) }).outputs[0]!.shape).toEqual([5]);
    expect([...new Float64Array(new Uint8Array(bytes.subarray(length)).buffer)]).toEqual(plain);
    for (const [body, model, what] of [
      [raw.subarray(1), 'electricity', /TENSOR_MISMATCH.*"X" \(FP64 \[-1,6\]\)/],
      [Buffer.alloc(0), 'electricity', /ROWS_EMPTY/],
      [raw, 'mixed', /TENSOR_MISMATCH.*one input/],
    ] as const) {
      const refused = await infer(body, alone, model);
      expect(refused.status).toBe(400);
      expect(json<{ error: string }>(refused).error).toMatch(what);
    }
    const empty = { 'inference-header-content-length': '' };
    expect((await infer(raw, empty)).status).toBe(400);
  });

  test('texts are packed with their lengths; what is no UTF-8, or cut off, is refused', async () => {
    const { inputs } = json<{ inputs: { name: string; datatype: string }[] }>({
      bytes: Buffer.from(await (await fetch(`${slipway.dataPlane}/v2/models/mixed`)).arrayBuffer()),
    });
    const packed = (text: Buffer, length = text.length): Buffer => {
      const size = Buffer.alloc(4);
      size.writeUInt32LE(length);
      return Buffer.concat([size, text]);
    };
    const ask = async (text: Buffer) => {
      const parts: Buffer[] = [];
      const described = inputs.map(({ name, datatype }) => {
        const bytes = datatype === 'BYTES' ? text : Buffer.alloc(4);
        parts.push(bytes);
        return { name, datatype, shape: [1, 1], parameters: { binary_data_size: bytes.length } };
      });
      const head = Buffer.from(JSON.stringify({ inputs: described }));
      const headers = { 'inference-header-content-length': String(head.length) };
      return (await infer(Buffer.concat([head, ...parts]), headers, 'mixed')).status;
    };
    expect(await ask(packed(Buffer.from('münchen')))).toBe(200);
    expect(await ask(packed(Buffer.from([0xff, 0xfe])))).toBe(400);
    expect(await ask(packed(Buffer.from('abc'), 99))).toBe(400);
    expect(await ask(Buffer.from([1]))).toBe(400);
  });
});

describe('compressed bodies', () => {
  test('come and go as gzip or deflate', async () => {
    const body = Buffer.from(JSON.stringify({ inputs: [tensor(20)] }));
    const plain = json(await infer(body)).outputs;
    expect(json(await infer(gzipSync(body), { 'content-encoding': 'gzip' })).outputs).toEqual(plain);
    expect(json(await infer(gzipSync(body), { 'content-encoding': 'X-GZip' })).outputs).toEqual(plain);
    expect(json(await infer(deflateSync(body), { 'content-encoding': 'deflate' })).outputs).toEqual(plain);
    // Small answers are sent as they are, whatever is accepted.
    expect((await infer(body, { 'accept-encoding': 'gzip' })).headers.get('content-encoding')).toBeNull();
  });

  test('a bomb is refused before it is unpacked whole, nonsense is named', async () => {
    const bomb = gzipSync(Buffer.alloc(50_000_000, ' '));
    expect(bomb.length).toBeLessThan(100_000);
    expect((await infer(bomb, { 'content-encoding': 'gzip' })).status).toBe(413);
    expect((await infer(Buffer.from('no gzip'), { 'content-encoding': 'gzip' })).status).toBe(400);
    expect((await infer(Buffer.from('{}'), { 'content-encoding': 'br' })).status).toBe(415);
  });

  test('a large answer is compressed for who asks for it', async () => {
    const { request } = await import('node:http');
    const many = JSON.stringify({
      inputs: [tensor(20)],
      outputs: Array.from({ length: 20 }, () => ({ name: 'predict' })),
    });
    const { encoding, bytes } = await new Promise<{ encoding: string | undefined; bytes: Buffer }>(
      (resolve) => {
        const outgoing = request(
          `${slipway.dataPlane}/v2/models/electricity/infer`,
          { method: 'POST', headers: { 'accept-encoding': 'gzip' } },
          (response) => {
            const chunks: Buffer[] = [];
            response.on('data', (chunk: Buffer) => chunks.push(chunk));
            response.on('end', () =>
              resolve({ encoding: response.headers['content-encoding'], bytes: Buffer.concat(chunks) }),
            );
          },
        );
        outgoing.end(many);
      },
    );
    expect(encoding).toBe('gzip');
    expect(json({ bytes: gunzipSync(bytes) }).outputs).toHaveLength(20);
  });
});

describe('KServe v1', () => {
  test('rows of different sizes, where inputs and outputs are open', async () => {
    const ask = async (instances: unknown[]) =>
      json<{ predictions: unknown[] }>(await post('/v1/models/open:predict', { instances })).predictions;
    expect(await ask([[1, 2]])).toEqual([[2, 4]]);
    expect(await ask([[1, 2], [3], [], [4, 5, 6]])).toEqual([[2, 4], [6], [], [8, 10, 12]]);
  });

  test('rows, named features and the ids of the predictions', async () => {
    const plain = json(await infer({ inputs: [tensor(3)] })).outputs[0]!.data!;
    const answer = json<{ predictions: number[]; slipway_ids: string[] }>(
      await post('/v1/models/electricity:predict', {
        instances: rows.slice(0, 3),
        parameters: { subject: 'customer' },
      }),
    );
    expect(answer.predictions).toEqual(plain);
    expect(await slipway.prediction(answer.slipway_ids[2]!)).toMatchObject({ subject: 'customer' });
    expect(json(await post('/v1/models/electricity:predict', { inputs: rows.slice(0, 3) }))).toMatchObject({
      predictions: plain,
    });
    const named = electricity(9062, 9065).map(({ features }) => features);
    expect(
      json<{ predictions: number[] }>(await post('/v1/models/electricity:predict', { instances: named }))
        .predictions,
    ).toEqual(plain);
    const both = json<{ predictions: object[] }>(
      await post('/v1/models/logit:predict', { instances: [Array.from({ length: 30 }, () => 1)] }),
    );
    expect(both.predictions).toEqual([
      { label: expect.any(Number), probabilities: [expect.any(Number), expect.any(Number)] },
    ]);
  });

  test('what there is, and what is wrong', async () => {
    expect((await slipway.data<object>('GET', '/v1/models')).body).toEqual({
      models: ['electricity', 'logit', 'mixed', 'open'],
    });
    expect((await slipway.data<object>('GET', '/v1/models/logit')).body).toEqual({
      name: 'logit',
      ready: true,
    });
    expect((await slipway.data<object>('GET', '/')).body).toMatchObject({ status: 'alive' });
    for (const [path, body, status] of [
      ['/v1/models/nobody:predict', { instances: [[1]] }, 404],
      ['/v1/models/electricity:predict', { rows: [[1]] }, 400],
      ['/v1/models/electricity:predict', { instances: [] }, 400],
      ['/v1/models/electricity:predict', { instances: [[1, 2]] }, 400],
      ['/v1/models/electricity:predict', { instances: [rows[0], { period: 1 }] }, 400],
      ['/v1/models/electricity:predict', { instances: [rows[0]], parameters: 'key' }, 400],
      ['/v2/repository/models/electricity/load', { parameters: ['key'] }, 400],
      ['/v1/models/electricity:explain', { instances: [rows[0]] }, 404],
    ] as const)
      expect((await post(path, body)).status, path).toBe(status);
  });
});

test('configuration, statistics and the repository', async () => {
  expect((await slipway.data<object>('GET', '/v2/models/electricity/config')).body).toMatchObject({
    name: 'electricity',
    input: [{ name: 'X', data_type: 'TYPE_FP64', format: 'FORMAT_NONE', dims: [-1, 6] }],
  });
  const { body } = await slipway.data<{ model_stats: { name: string; last_inference: number }[] }>(
    'GET',
    '/v2/models/stats',
  );
  expect(body.model_stats.map(({ name }) => name)).toEqual(['electricity', 'logit', 'mixed', 'open']);
  expect((await post('/v2/repository/models/logit/unload', {})).status).toBe(200);
  expect((await slipway.data('GET', '/v2/models/logit')).status).toBe(503);
  expect((await slipway.data<object[]>('POST', '/v2/repository/index', { ready: true })).body).toHaveLength(
    3,
  );
  expect((await slipway.api<{ health: object }>('GET', '/api/models/logit')).body).toMatchObject({
    unloaded: true,
    health: { level: 'look' },
  });
  const withFiles = { parameters: { config: '{}' } };
  expect((await post('/v2/repository/models/logit/load', withFiles)).status).toBe(403);
  expect((await post('/v2/repository/models/logit/load', Buffer.alloc(0))).status).toBe(200);
  expect((await slipway.data('GET', '/v2/models/logit')).status).toBe(200);
});

test('whoever is still sending a body that is too large reads that it is, and may go on', async () => {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const said = (path: string, chunks: Buffer[]): Promise<[status: number, port: number]> =>
    new Promise((resolve, reject) => {
      const outgoing = request(`${slipway.dataPlane}${path}`, { method: 'POST', agent }, (response) => {
        const { localPort } = response.socket;
        response.resume().on('end', () => resolve([response.statusCode!, localPort!]));
      });
      outgoing.on('error', reject);
      for (const chunk of chunks) outgoing.write(chunk);
      outgoing.end();
    });
  const large = Array.from({ length: 64 }, () => Buffer.alloc(1_000_000));
  const [status, port] = await said('/v2/models/electricity/infer', large);
  expect(status).toBe(413);
  expect(
    await said('/v2/models/electricity/infer', [Buffer.from(JSON.stringify({ inputs: [tensor(1)] }))]),
  ).toEqual([200, port]);
  agent.destroy();
  // Not of its own kind: undici gives up where it cannot send.
  const fetched = await fetch(`${slipway.dataPlane}/predict/electricity`, {
    method: 'POST',
    body: new Uint8Array(64_000_000),
  });
  expect(fetched.status).toBe(413);
});

test.each([
  ['GET', '/v2/systemsharedmemory/status', 'shared memory'],
  ['POST', '/v2/cudasharedmemory/region/a/register', 'shared memory'],
  ['GET', '/v2/trace/setting', 'trace settings'],
  ['POST', '/v2/models/electricity/trace/setting', 'trace settings'],
  ['GET', '/v2/logging', 'log settings'],
])('%s %s, which Triton has, is not there, and that is said', async (method, path, what) => {
  const response = await fetch(`${slipway.dataPlane}${path}`, { method });
  expect(response.status).toBe(404);
  expect(((await response.json()) as { error: string }).error).toContain(` no ${what}`);
});

test('a deadline that has passed is said at once, whatever says it', async () => {
  const predict = { features: electricity(9062, 9063)[0]!.features };
  for (const [path, body] of [
    ['/predict/electricity', predict],
    ['/v1/models/electricity:predict', { instances: [rows[0]] }],
    ['/v2/models/electricity/infer', { inputs: [tensor(1)] }],
  ] as const) {
    for (const header of ['grpc-timeout', 'x-envoy-expected-rq-timeout-ms']) {
      const at = (value: string) => post(path, body, { [header]: value });
      expect((await at(header === 'grpc-timeout' ? '0m' : '0')).status).toBe(504);
      expect((await at(header === 'grpc-timeout' ? '1H' : '3600000')).status).toBe(200);
      expect((await at('soon')).status).toBe(400);
    }
  }
});
