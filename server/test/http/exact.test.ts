import { readFileSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parseExact, stringify } from '../../src/json.ts';
import { GrpcClient } from '../grpc/client.ts';
import { inRepository, Slipway } from '../processes/harness.ts';

/** Whole numbers beyond 2^53 through every protocol, into the journal and back, on a real Slipway. */
let slipway: Slipway;
let grpc: GrpcClient;

beforeAll(async () => {
  slipway = await Slipway.start();
  grpc = new GrpcClient(slipway.grpc);
  const model = inRepository('spec/models/onnx_int64_bool/model.onnx');
  // The gate compares its golden rows to the last digit.
  const golden = inRepository('spec/models/onnx_int64_bool/golden.json');
  expect((await slipway.deploy('int64', model, { golden })).status).toBe(201);
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

test('a golden row that is off by one in the last digit is found', async () => {
  const golden = readFileSync(inRepository('spec/models/onnx_int64_bool/golden.json'), 'utf8');
  const at = golden.lastIndexOf('9007199254740993');
  const file = `${slipway.folder}/off-by-one.json`;
  writeFileSync(file, `${golden.slice(0, at)}9007199254740992${golden.slice(at + 16)}`);
  const model = inRepository('spec/models/onnx_int64_bool/model.onnx');
  const { status, body } = await slipway.deploy('off', model, { golden: file });
  expect([status, JSON.stringify(body)]).toEqual([422, expect.stringContaining('9007199254740993')]);
});
