import { describe, expect, test } from 'vitest';
import { checkOutputs, outputsOf } from '../../src/oip/infer.ts';
import { rawInferRequest, readInferRequest, writeInferResponse } from '../../src/oip/infer-json.ts';
import { frameOf } from '../../src/oip/tensors.ts';
import type { Signature } from '../../src/signature.ts';
import { newFrame } from '../../src/tensor.ts';

const signature: Signature = {
  task: 'binary',
  features: [
    { name: 'a', type: 'number' },
    { name: 'b', type: 'number' },
    { name: 'word', type: 'string' },
  ],
  inputs: [
    { name: 'X', datatype: 'FP32', shape: [-1, 2], column: 0, width: 2 },
    { name: 'word', datatype: 'BYTES', shape: [-1, 1], column: 2, width: 1 },
  ],
  outputs: [
    { name: 'label', datatype: 'BYTES', shape: [-1], column: 0, width: 1 },
    { name: 'p', datatype: 'FP32', shape: [-1, 2], column: 1, width: 2 },
  ],
  classes: ['no', 'yes'],
  answer: { column: 2, width: 1 },
  missingAllowed: true,
};

const request = (changes: object = {}, x: object = {}) => ({
  id: 'r1',
  inputs: [
    { name: 'X', shape: [2, 2], datatype: 'FP32', data: [1, 2, 3, 0.1], ...x },
    { name: 'word', shape: [2, 1], datatype: 'BYTES', data: ['one', 'two'] },
  ],
  ...changes,
});

const bytes = (body: unknown): Buffer => Buffer.from(JSON.stringify(body));

/** A request's JSON as an edge takes it in. */
function read(body: unknown) {
  const given = readInferRequest(bytes(body), null, false);
  checkOutputs(given, signature);
  return { ...given, frame: frameOf(given.inputs, signature) };
}

test('tensors become a frame; FP32 values are float32', () => {
  const { frame, id, outputs } = read(request());
  expect(id).toBe('r1');
  expect(outputs).toBeNull();
  expect([...frame.values]).toEqual([1, 2, 0, 3, Math.fround(0.1), 1]);
  expect(frame.texts).toEqual(['one', 'two']);
});

test('an id that is null is none, as other fields are', () => {
  expect(read(request({ id: null, parameters: null, outputs: null })).id).toBe('');
});

test('nested data is the same as flat data', () => {
  const nested = request(
    {},
    {
      data: [
        [1, 2],
        [3, 0.1],
      ],
    },
  );
  expect(read(nested).frame).toEqual(read(request()).frame);
});

test('the response names model, version, ids and the outputs asked for', () => {
  const answers = Float64Array.of(1, 0.25, 0.75, 0, 0.9, 0.1);
  const written = (given: ReturnType<typeof read>, ids: string[]) =>
    writeInferResponse('m', 3, given, outputsOf(given, signature, answers, [], 2), ids);
  const { json, binary } = written(read(request()), ['x.0', 'x.1']);
  expect(binary).toEqual([]);
  expect(JSON.parse(json)).toEqual({
    model_name: 'm',
    model_version: '3',
    id: 'r1',
    parameters: { slipway_ids: ['x.0', 'x.1'] },
    outputs: [
      { name: 'label', datatype: 'BYTES', shape: [2], data: ['yes', 'no'] },
      { name: 'p', datatype: 'FP32', shape: [2, 2], data: [0.25, 0.75, 0.9, 0.1] },
    ],
  });
  const only = written(read(request({ id: undefined, outputs: [{ name: 'p' }] })), ['x.0', 'x.1']);
  expect(JSON.parse(only.json).outputs).toHaveLength(1);
  expect(JSON.parse(only.json)).not.toHaveProperty('id');
});

describe('what does not fit is refused by name', () => {
  const cases: [string, unknown, RegExp][] = [
    ['no object', [], /not a JSON object/],
    ['id of a wrong type', request({ id: 7 }), /"id"/],
    ['no inputs', { id: 'r' }, /"inputs"/],
    [
      'an input twice',
      request({ inputs: [...request().inputs, request().inputs[1]] }),
      /"word" is given twice/,
    ],
    ['an input missing', request({ inputs: request().inputs.slice(1) }), /"X" is missing/],
    ['an unknown input', request({}, { name: 'Y' }), /no input "Y".*"X" \(FP32 \[-1,2\]\)/],
    ['another datatype', request({}, { datatype: 'FP64' }), /"X" is FP64; this model takes FP32/],
    ['another shape', request({}, { shape: [4, 1] }), /shape \[4,1\]/],
    ['rows that differ', request({}, { shape: [1, 2], data: [1, 2] }), /shape/],
    ['too few values', request({}, { data: [1, 2, 3] }), /holds 3 values; its shape says 4/],
    ['a text among numbers', request({}, { data: [1, 2, 3, 'x'] }), /Value 3 of input "X" is not FP32/],
    ['a negative shape', request({}, { shape: [-1, 2] }), /"shape" of input "X"/],
    ['an unknown output', request({ outputs: [{ name: 'q' }] }), /no output "q"/],
    [
      'outputs without end',
      request({ outputs: Array(33).fill({ name: 'p' }) }),
      /33 outputs are wanted, of 2: up to 32/,
    ],
    [
      'no rows',
      {
        inputs: [
          { name: 'X', shape: [0, 2], datatype: 'FP32', data: [] },
          { name: 'word', shape: [0, 1], datatype: 'BYTES', data: [] },
        ],
      },
      /no rows/,
    ],
  ];
  test.each(cases)('%s', (_name, body, message) => {
    expect(() => read(body)).toThrow(message);
  });
});

test.each([
  ['FP32', [-1, 3], 24, [2, 3]],
  ['INT64', [-1], 16, [2]],
  ['UINT8', [-1, 2, -1], 10, [1, 2, 5]],
  ['FP32', [-1, 3], 20, null],
  ['FP32', [-1, -1, -1], 24, null],
  ['BYTES', [-1, 1], 7, [1, 1]],
] as const)('bytes alone of %s %j: %i of them are %j', (datatype, shape, count, expected) => {
  const spec = { name: 'x', datatype, shape: [...shape], column: 0, width: 1 };
  const read = () => rawInferRequest(Buffer.alloc(count, 'a'), [spec]).inputs[0]!;
  if (expected === null) expect(read).toThrow(/cannot be told/);
  else {
    const { shape, values, raw } = read();
    expect(shape).toEqual(expected);
    expect(datatype === 'BYTES' ? String(values![0]) : raw!.length).toEqual(
      datatype === 'BYTES' ? 'a'.repeat(count) : count,
    );
  }
});

test('rows that take no bytes are no way to ask for any number of them', () => {
  const open: Signature = {
    ...signature,
    features: [{ name: 't', type: 'tensor' }],
    inputs: [{ name: 't', datatype: 'BYTES', shape: [-1, -1], column: 0, width: 1 }],
  };
  let most = 0;
  const made = (rows: number) => {
    most = Math.max(most, rows);
    return newFrame(rows, 1);
  };
  const given = (shape: number[], raw: Uint8Array | null) =>
    frameOf([{ name: 't', datatype: 'BYTES', shape, values: raw ? null : [], raw }], open, made);
  expect(given([4096, 0], null).rows).toBe(4096);
  expect(() => given([10_000_000, 0], null)).toThrow(/10000000 rows without a value/);
  expect(() => given([10_000_000, 0], new Uint8Array())).toThrow(/10000000 rows without a value/);
  for (const shape of [
    [2 ** 40, 1],
    [2 ** 62, 1],
    [-1, 1],
    [-1, -1],
    [2, -3],
    [1.5, 0],
  ])
    expect(() => given(shape, Uint8Array.of(1, 0, 0, 0, 97)), String(shape)).toThrow(/values|has shape/);
  expect(() => given([10_000_000, 1], Uint8Array.of(1, 0, 0, 0, 97))).toThrow(/5 bytes of values/);
  expect(most).toBe(4096);
});
