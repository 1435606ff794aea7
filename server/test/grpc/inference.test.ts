import { status } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { RepositoryEntry } from '../../src/messages.ts';
import { electricity, inRepository, Slipway, until } from '../processes/harness.ts';
import { GrpcClient } from './client.ts';

const lanes = 2;
let slipway: Slipway;
let client: GrpcClient;
const rows = electricity(9062, 9072);
const names = Object.keys(rows[0]!.features);

beforeAll(async () => {
  slipway = await Slipway.start({ lanes, bodyLimit: 200_000 });
  for (const [model, file] of [
    ['electricity', 'examples/electricity/model.txt'],
    ['logit', 'spec/models/sk_logit/model.onnx'],
    // On onnxruntime: not answered in the turn that it comes in.
    ['mlp', 'spec/models/onnx_mlp/model.onnx'],
  ] as const) {
    expect((await slipway.deploy(model, inRepository(file))).status).toBe(201);
  }
  client = new GrpcClient(slipway.grpc);
});
afterAll(async () => {
  client.close();
  await slipway.end();
});

const values = (count: number): number[] =>
  rows.slice(0, count).flatMap(({ features }) => names.map((name) => features[name]!));
const raw = (count: number): Buffer => Buffer.from(Float64Array.from(values(count)).buffer);
const request = (count: number, more: object = {}, input: object = {}) => ({
  model_name: 'electricity',
  inputs: [{ name: 'X', datatype: 'FP64', shape: [count, names.length], ...input }],
  raw_input_contents: [raw(count)],
  ...more,
});

interface InferResponse {
  model_name: string;
  model_version: string;
  id: string;
  parameters: { slipway_ids: { string_param: string } };
  outputs: { name: string; datatype: string; shape: number[] }[];
  raw_output_contents: Buffer[];
}
const numbers = ({ raw_output_contents: [bytes] }: InferResponse): number[] => [
  ...new Float64Array(new Uint8Array(bytes!).buffer),
];
const own = async (count: number): Promise<number[]> => {
  const { body } = await slipway.predict<{ predictions: { probabilities: Record<string, number> }[] }>(
    'electricity',
    {
      rows: rows.slice(0, count).map(({ features }) => features),
    },
  );
  return body.predictions.map(({ probabilities }) => probabilities['1']!);
};
const codeOf = (call: Promise<unknown>): Promise<number> =>
  call.then(
    () => status.OK,
    (error: { code: number }) => error.code,
  );

test('what there is: live, ready, metadata, configuration', async () => {
  expect(await client.ask('ServerLive', {})).toEqual({ live: true });
  expect(await client.ask('ServerReady', {})).toEqual({ ready: true });
  expect(await client.ask('ModelReady', { name: 'electricity' })).toEqual({ ready: true });
  expect(await client.ask('ModelReady', { name: 'nobody' })).toEqual({ ready: false });
  expect(await client.ask('ModelReady', { name: 'electricity', version: '9' })).toEqual({ ready: false });
  expect(await client.ask('ModelReady', { name: 'electricity', version: 'one' })).toEqual({ ready: false });
  expect(await client.ask('ServerMetadata', {})).toMatchObject({ name: 'slipway' });
  expect(await client.ask('ModelMetadata', { name: 'logit', version: '1' })).toMatchObject({
    versions: ['1'],
    inputs: [{ datatype: 'FP32', shape: [-1, 30] }],
    outputs: [{ name: 'label', datatype: 'INT64' }, { name: 'probabilities' }],
  });
  expect(await client.ask('ModelConfig', { name: 'logit' })).toMatchObject({
    config: { name: 'logit', input: [{ data_type: 'TYPE_FP32', dims: [-1, 30] }], max_batch_size: 0 },
  });
});

describe('inference', () => {
  test('raw and typed contents answer as named features do', async () => {
    const expected = await own(3);
    const answer = await client.ask<InferResponse>('ModelInfer', request(3));
    expect(numbers(answer)).toEqual(expected);
    expect(answer.outputs).toMatchObject([{ name: 'predict', datatype: 'FP64', shape: [3] }]);
    const typed = request(3, { raw_input_contents: [] }, { contents: { fp64_contents: values(3) } });
    expect(numbers(await client.ask<InferResponse>('ModelInfer', typed))).toEqual(expected);
  });

  test('compressed both ways', async () => {
    for (const algorithm of [1, 2]) {
      const packing = new GrpcClient(slipway.grpc, { 'grpc.default_compression_algorithm': algorithm });
      expect(numbers(await packing.ask<InferResponse>('ModelInfer', request(10)))).toEqual(await own(10));
      packing.close();
    }
  });

  test('the id is echoed and is the key; subject and time come as parameters or metadata; a label closes the loop', async () => {
    const answer = await client.ask<InferResponse>(
      'ModelInfer',
      request(1, { id: 'order-ü', parameters: { at: { int64_param: 1e12 } } }),
      { headers: { subject: 'customer-7' } },
    );
    expect(answer.id).toBe('order-ü');
    const id = answer.parameters.slipway_ids.string_param;
    await slipway.label({ model: 'electricity', key: 'order-ü', label: 1, at: 1e12 + 1 });
    expect(await slipway.prediction(id)).toMatchObject({
      key: 'order-ü',
      subject: 'customer-7',
      at: 1e12,
      label: { value: 1 },
    });
  });

  test('keys that are numbers keep all digits, and so do labels by them', async () => {
    const asked = async (key: string) => {
      const parameters = { key: { int64_param: key } };
      const answer = await client.ask<InferResponse>('ModelInfer', request(1, { parameters }));
      return answer.parameters.slipway_ids.string_param;
    };
    const [first, second] = [await asked('1152923300493882977'), await asked('1152923300493882978')];
    const response = await fetch(`${slipway.dataPlane}/labels?wait=served`, {
      method: 'POST',
      body: '{"model": "electricity", "key": 1152923300493882977, "label": 1}',
    });
    expect(response.status).toBe(200);
    expect(await slipway.prediction(first)).toMatchObject({
      key: '1152923300493882977',
      label: { value: 1 },
    });
    expect(await slipway.prediction(second)).toMatchObject({ key: '1152923300493882978', label: null });
  });

  test('the event time is ms or ISO 8601, as a number, a text or metadata', async () => {
    const times: [parameters: object, headers: Record<string, string>][] = [
      [{ at: { int64_param: 1e12 } }, {}],
      [{ at: { string_param: '1000000000000' } }, {}],
      [{ at: { string_param: '2001-09-09T01:46:40Z' } }, {}],
      [{}, { at: '1000000000000' }],
      [{}, { at: '2001-09-09T01:46:40Z' }],
    ];
    for (const [parameters, headers] of times) {
      const answer = await client.ask<InferResponse>('ModelInfer', request(1, { parameters }), { headers });
      const { at } = await slipway.prediction(answer.parameters.slipway_ids.string_param);
      expect(at, JSON.stringify([parameters, headers])).toBe(1e12);
    }
    const year = await client.ask<InferResponse>('ModelInfer', request(1), { headers: { at: '2001' } });
    const { at } = await slipway.prediction(year.parameters.slipway_ids.string_param);
    expect(at).toBe(Date.UTC(2001));
  });

  test('a stream answers each request, wrong ones too, and lives on', async () => {
    const good = (id: string) => request(2, { id });
    const answers = await client.stream<{ error_message: string; infer_response: InferResponse | null }>(
      'ModelStreamInfer',
      [good('a'), request(1, { id: 'b', raw_input_contents: [raw(2)] }), good('c')],
    );
    expect(answers.map((one) => [one.infer_response?.id, one.error_message === ''])).toEqual([
      ['a', true],
      ['b', false],
      ['c', true],
    ]);
    const expected = await own(2);
    for (const { infer_response: response, error_message } of answers)
      if (error_message === '') expect(numbers(response!)).toEqual(expected);
  });

  test('a stream answers in the order of its requests, whatever each takes, and says that each answer is the last', async () => {
    const slow = (id: string) => ({
      model_name: 'mlp',
      id,
      inputs: [{ name: 'X', datatype: 'FP32', shape: [1, 64] }],
      raw_input_contents: [Buffer.alloc(256)],
    });
    const requests = Array.from({ length: 12 }, (_, n) => {
      if (n % 3 === 0) return slow(`${n}`);
      return n % 3 === 1 ? request(1, { id: `${n}` }) : request(1, { id: `${n}`, model_name: 'nobody' });
    });
    const answers = await client.stream<{
      error_message: string;
      infer_response: { id: string; parameters: { triton_final_response?: { bool_param: boolean } } };
    }>('ModelStreamInfer', requests);
    expect(answers.map(({ infer_response: response }) => response.id)).toEqual(
      requests.map((_, n) => `${n}`),
    );
    for (const { error_message: error, infer_response: response } of answers)
      if (error === '') expect(response.parameters.triton_final_response?.bool_param).toBe(true);
  });

  test('a stream whose caller asks for it ends with the first error, and what was asked before is answered', async () => {
    const requests = [
      { ...request(1), id: 'a' },
      { ...request(1), id: 'b' },
      { ...request(1), id: 'c', model_name: 'nobody' },
      { ...request(1), id: 'd' },
    ];
    const headers = { triton_grpc_error: 'true' };
    const error = await client.stream('ModelStreamInfer', requests, undefined, headers).catch((one) => one);
    expect(error).toMatchObject({
      code: status.NOT_FOUND,
      details: expect.stringContaining('MODEL_NOT_FOUND'),
      answers: [{ infer_response: { id: 'a' } }, { infer_response: { id: 'b' } }],
    });
    const sound = requests.filter(({ id }) => id !== 'c');
    expect(await client.stream('ModelStreamInfer', sound, undefined, headers)).toHaveLength(3);
  });

  test('a message that is too large is told as a body is', async () => {
    const large = request(1, { raw_input_contents: [Buffer.alloc(300_000)] });
    await expect(client.ask('ModelInfer', large)).rejects.toMatchObject({
      code: status.RESOURCE_EXHAUSTED,
      details: expect.stringContaining('BODY_TOO_LARGE: The request is larger than 200000 bytes.'),
    });
  });

  test('classification gives the greatest scores with their classes', async () => {
    const answer = await client.ask<InferResponse>('ModelInfer', {
      model_name: 'logit',
      inputs: [{ name: 'X', datatype: 'FP32', shape: [1, 30] }],
      outputs: [{ name: 'probabilities', parameters: { classification: { int64_param: 1 } } }],
      raw_input_contents: [Buffer.alloc(120)],
    });
    expect(answer.outputs).toMatchObject([{ datatype: 'BYTES', shape: [1, 1] }]);
    expect(answer.raw_output_contents[0]!.subarray(4).toString()).toMatch(/^(0|1)\.\d{6}:(0|1):(0|1)$/);
  });

  test.each<[string, () => Promise<unknown>, status]>([
    [
      'an unknown model',
      () => client.ask('ModelInfer', request(1, { model_name: 'nobody' })),
      status.NOT_FOUND,
    ],
    [
      'an unknown version',
      () => client.ask('ModelInfer', request(1, { model_version: '9' })),
      status.NOT_FOUND,
    ],
    [
      'no version number',
      () => client.ask('ModelInfer', request(1, { model_version: 'one' })),
      status.NOT_FOUND,
    ],
    [
      'too few bytes',
      () => client.ask('ModelInfer', request(2, { raw_input_contents: [raw(1)] })),
      status.INVALID_ARGUMENT,
    ],
    [
      'bytes for no input',
      () => client.ask('ModelInfer', request(1, { raw_input_contents: [raw(1), raw(1)] })),
      status.INVALID_ARGUMENT,
    ],
    [
      'another type',
      () => client.ask('ModelInfer', request(1, {}, { datatype: 'BYTES' })),
      status.INVALID_ARGUMENT,
    ],
    ...['constructor', '__proto__', 'toString'].map((datatype): [string, () => Promise<unknown>, status] => [
      `a type that every object has: ${datatype}`,
      () => client.ask('ModelInfer', request(1, { raw_input_contents: [] }, { datatype })),
      status.INVALID_ARGUMENT,
    ]),
    [
      'a shape that claims much',
      () => client.ask('ModelInfer', request(1, {}, { shape: [2 ** 40, 6] })),
      status.INVALID_ARGUMENT,
    ],
    [
      'shared memory',
      () =>
        client.ask(
          'ModelInfer',
          request(1, {}, { parameters: { shared_memory_region: { string_param: 'x' } } }),
        ),
      status.INVALID_ARGUMENT,
    ],
    [
      'an unknown output',
      () => client.ask('ModelInfer', request(1, { outputs: [{ name: 'q' }] })),
      status.INVALID_ARGUMENT,
    ],
    [
      'a message that is too large',
      () => client.ask('ModelInfer', request(1, { raw_input_contents: [Buffer.alloc(300_000)] })),
      status.RESOURCE_EXHAUSTED,
    ],
    ['a method that is not there', () => client.ask('TraceSetting', {}), status.UNIMPLEMENTED],
  ])('%s', async (_name, call, code) => {
    expect(await codeOf(call())).toBe(code);
    expect(await client.ask('ServerLive', {})).toEqual({ live: true });
  });
});

test('statistics are summed over lanes', async () => {
  const count = async () => {
    const { model_stats: stats } = await client.ask<{
      model_stats: { inference_count: number; inference_stats: { success: { count: number } } }[];
    }>('ModelStatistics', { name: 'electricity', version: '1' });
    return [stats[0]!.inference_stats.success.count, stats[0]!.inference_count];
  };
  const [requests, counted] = (await count()) as [number, number];
  // Each a connection of its own, so that more than one lane answers.
  for (let i = 0; i < 6; i++) {
    const another = new GrpcClient(slipway.grpc);
    await another.ask('ModelInfer', request(3));
    another.close();
  }
  await slipway.data('POST', '/v2/models/electricity/infer', {
    inputs: [{ name: 'X', datatype: 'FP64', shape: [1, 6], data: values(1) }],
  });
  expect(await count()).toEqual([requests + 7, counted + 19]);
});

test('an unloaded model answers nobody on any lane, until it is loaded again', async () => {
  const { models } = await client.ask<{ models: RepositoryEntry[] }>('RepositoryIndex', {});
  expect(models).toContainEqual({ name: 'logit', version: '1', state: 'READY', reason: '' });
  await client.ask('RepositoryModelUnload', { model_name: 'logit' });
  for (let i = 0; i < 2 * lanes; i++) {
    const another = new GrpcClient(slipway.grpc);
    expect(await another.ask('ModelReady', { name: 'logit' })).toEqual({ ready: false });
    another.close();
  }
  expect(await codeOf(client.ask('ModelMetadata', { name: 'logit' }))).toBe(status.UNAVAILABLE);
  expect((await slipway.data('GET', '/v2/models/logit/ready')).status).toBe(503);
  const index = await slipway.data<object[]>('POST', '/v2/repository/index', {});
  expect(index.body).toContainEqual({
    name: 'logit',
    version: '1',
    state: 'UNAVAILABLE',
    reason: 'unloaded',
  });
  await client.ask('RepositoryModelLoad', { model_name: 'logit' });
  expect(await client.ask('ModelReady', { name: 'logit' })).toEqual({ ready: true });
  expect(await codeOf(client.ask('RepositoryModelLoad', { model_name: 'nobody' }))).toBe(status.NOT_FOUND);
  const files = { parameters: { 'file:1/model.onnx': { bytes_param: Buffer.from('x') } } };
  expect(await codeOf(client.ask('RepositoryModelLoad', { model_name: 'logit', ...files }))).toBe(
    status.PERMISSION_DENIED,
  );
});

test('a killed lane takes only what it had in flight; the next one takes its place', async () => {
  await slipway.kill('lane-1');
  await until(async () => {
    const another = new GrpcClient(slipway.grpc);
    const answered = await codeOf(another.ask('ModelInfer', request(1)));
    another.close();
    return answered === status.OK;
  }, 'gRPC to be answered');
});
