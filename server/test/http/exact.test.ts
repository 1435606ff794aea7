import { execFile } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parseExact, stringify } from '../../src/json.ts';
import { GrpcClient } from '../grpc/client.ts';
import { inRepository, Slipway } from '../processes/harness.ts';

/** Whole numbers beyond 2^53 through every protocol, into the journal and back, on a real Slipway. */
const run = promisify(execFile);
let slipway: Slipway;
let grpc: GrpcClient;

beforeAll(async () => {
  slipway = await Slipway.start();
  grpc = new GrpcClient(slipway.grpc);
  const model = inRepository('spec/models/onnx_int64_bool/model.onnx');
  // The gate compares its golden rows to the last digit.
  const golden = inRepository('spec/models/onnx_int64_bool/golden.json');
  expect((await slipway.deploy('int64', model, { golden })).status).toBe(201);
  const echo = inRepository('spec/models/onnx_string_echo/model.onnx');
  const said = inRepository('spec/models/onnx_string_echo/golden.json');
  expect((await slipway.deploy('echo', echo, { golden: said })).status).toBe(201);
});
afterAll(async () => {
  grpc.close();
  await slipway.end();
});

const counts = [9007199254740993n, -9223372036854775808n, 1n];

async function post<T>(path: string, body: unknown): Promise<{ status: number; body: T; text: string }> {
  const response = await fetch(`${slipway.dataPlane}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: stringify(body),
  });
  const text = await response.text();
  return { status: response.status, body: parseExact(text) as T, text };
}

const tensors = [
  { name: 'counts', datatype: 'INT64', shape: [1, 3], data: counts },
  { name: 'flags', datatype: 'BOOL', shape: [1, 2], data: [true, false] },
];
type Outputs = {
  outputs: { name: string; data: (number | bigint)[] }[];
  parameters: { slipway_ids: string[] };
};

test('as Open Inference Protocol JSON, flat and nested', async () => {
  for (const data of [counts, [counts]]) {
    const { status, body, text } = await post<Outputs>('/v2/models/int64/infer', {
      inputs: [{ ...tensors[0], data }, tensors[1]],
    });
    expect(status).toBe(200);
    expect(body.outputs.find(({ name }) => name === 'echo')!.data.map((one) => BigInt(one))).toEqual(counts);
    expect(text).toContain('[9007199254740993,-9223372036854775808,1]');
  }
  const beyond = { ...tensors[0], data: [2n ** 63n, 0n, 0n] };
  const { status, text } = await post('/v2/models/int64/infer', { inputs: [beyond, tensors[1]] });
  expect([status, text]).toEqual([400, expect.stringContaining('9223372036854775808')]);
});

test('as bytes over HTTP; as bytes and as typed contents over gRPC', async () => {
  const bytes = Buffer.from(BigInt64Array.from(counts).buffer);
  const head = JSON.stringify({
    inputs: [{ ...tensors[0], data: undefined, parameters: { binary_data_size: 24 } }, tensors[1]],
    outputs: [{ name: 'echo', parameters: { binary_data: true } }],
  });
  const response = await fetch(`${slipway.dataPlane}/v2/models/int64/infer`, {
    method: 'POST',
    headers: { 'inference-header-content-length': String(head.length) },
    body: new Uint8Array(Buffer.concat([Buffer.from(head), bytes])),
  });
  const answer = Buffer.from(await response.arrayBuffer());
  const jsonBytes = Number(response.headers.get('inference-header-content-length'));
  expect(answer.subarray(jsonBytes).equals(bytes)).toBe(true);

  const inputs = tensors.map(({ name, datatype, shape }) => ({ name, datatype, shape }));
  for (const message of [
    { inputs, raw_input_contents: [bytes, Buffer.of(1, 0)] },
    {
      inputs: [
        { ...inputs[0], contents: { int64_contents: counts.map(String) } },
        { ...inputs[1], contents: { bool_contents: [true, false] } },
      ],
    },
  ]) {
    const answered = await grpc.ask<{ raw_output_contents: Buffer[] }>('ModelInfer', {
      model_name: 'int64',
      outputs: [{ name: 'echo' }],
      ...message,
    });
    expect(answered.raw_output_contents[0]!.equals(bytes)).toBe(true);
  }
});

test('as KServe’s instances and as named features, and in the record of the prediction', async () => {
  const kserve = await post<{ predictions: { echo: (number | bigint)[] }[] }>('/v1/models/int64:predict', {
    instances: [{ counts, flags: [true, false] }],
  });
  expect(kserve.body.predictions[0]!.echo.map((one) => BigInt(one))).toEqual(counts);
  const features = { counts_0: counts[0], counts_1: counts[1], counts_2: 1, flags_0: true, flags_1: false };
  const { status, body } = await post<{ id: string }>('/predict/int64', { features });
  expect(status).toBe(200);
  const kept = await slipway.prediction(body.id);
  expect(kept.features).toMatchObject({
    counts_0: '9007199254740993',
    counts_1: '-9223372036854775808',
    counts_2: 1,
  });
  const wrong = await post<{ error: { code: string } }>('/predict/int64', {
    features: { ...features, counts_0: 2n ** 63n },
  });
  expect([wrong.status, wrong.body.error.code]).toEqual([422, 'FEATURE_MISTYPED']);
});

test('as rows that the command line reads and prints', async () => {
  const rows = `${slipway.folder}/rows.json`;
  writeFileSync(rows, '[{"text": ["9007199254740993"]}]');
  const main = inRepository('server/src/cli/main.ts');
  const cli = async (...given: string[]): Promise<string> =>
    (await run(process.execPath, [main, ...given, '--server', slipway.control])).stdout;
  expect(await cli('predict', 'echo', '--file', rows)).toContain('{"echo":["9007199254740993"]}');
  const one = '{"counts_0":9007199254740993,"counts_1":0,"counts_2":0,"flags_0":true,"flags_1":false}';
  const { id } = JSON.parse(await cli('predict', 'int64', '--features', one, '--json')) as { id: string };
  expect((await slipway.prediction(id)).features.counts_0).toBe('9007199254740993');
});

test('a golden row that is off by one in the last digit is found', async () => {
  const golden = readFileSync(inRepository('spec/models/onnx_int64_bool/golden.json'), 'utf8');
  const at = golden.lastIndexOf('9007199254740993');
  const file = `${slipway.folder}/off-by-one.json`;
  writeFileSync(file, `${golden.slice(0, at)}9007199254740992${golden.slice(at + 16)}`);
  const model = inRepository('spec/models/onnx_int64_bool/model.onnx');
  const { status, body } = await slipway.deploy('off', model, { golden: file });
  expect([status, JSON.stringify(body)]).toEqual([422, expect.stringContaining('9007199254740993')]);
});

test('rows of any size, and free text', async () => {
  const texts = ['', 'naïve "☃"\n', '字漢 🚀', 'NaN', '9007199254740993', '{"shape":[1],"data":[]}'];
  const infer = (shape: number[], data: unknown, datatype = 'BYTES') =>
    post<Outputs>('/v2/models/echo/infer', { inputs: [{ name: 'text', datatype, shape, data }] });
  for (const shape of [
    [3, 2],
    [2, 3],
    [6, 1],
    [1, 6],
  ]) {
    const { status, body } = await infer(shape, texts);
    expect([status, body.outputs]).toEqual([200, [{ name: 'echo', datatype: 'BYTES', shape, data: texts }]]);
  }
  const raw = Buffer.concat(
    texts
      .map((text) => Buffer.from(text))
      .flatMap((one) => [Buffer.from(Uint32Array.of(one.length).buffer), one]),
  );
  const answered = await grpc.ask<{ outputs: { shape: number[] }[]; raw_output_contents: Buffer[] }>(
    'ModelInfer',
    {
      model_name: 'echo',
      inputs: [{ name: 'text', datatype: 'BYTES', shape: [2, 3] }],
      raw_input_contents: [raw],
    },
  );
  expect(answered.outputs[0]!.shape).toEqual([2, 3]);
  expect(answered.raw_output_contents[0]!.equals(raw)).toBe(true);
  for (const wrong of [infer([3, 3], texts), infer([6], texts), infer([3, 2], [1, 2, 3, 4, 5, 6])])
    expect((await wrong).status).toBe(400);

  const named = await post<{ predictions: { id: string; prediction: unknown }[] }>('/predict/echo', {
    rows: [{ text: ['a', 'b'] }, { text: ['c'] }],
  });
  expect(named.body.predictions.map(({ prediction }) => prediction)).toEqual([
    { echo: ['a', 'b'] },
    { echo: ['c'] },
  ]);
  const kept = await slipway.prediction(named.body.predictions[0]!.id);
  expect(kept, JSON.stringify(kept)).toMatchObject({ features: { text: '{"shape":[2],"data":["a","b"]}' } });
  const mistyped = await post<{ error: { code: string } }>('/predict/echo', { features: { text: [['a']] } });
  expect(mistyped.body.error.code).toBe('FEATURE_MISTYPED');
  const kserve = await post<{ predictions: unknown[] }>('/v1/models/echo:predict', {
    instances: [['x', 'y']],
  });
  expect(kserve.body.predictions).toEqual([['x', 'y']]);
});
