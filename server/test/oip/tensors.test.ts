import { expect, test } from 'vitest';
import { frameOf } from '../../src/oip/tensors.ts';
import type { Signature, TensorSpec } from '../../src/signature.ts';

const spec = (datatype: 'FP32' | 'FP64', more: Partial<TensorSpec> = {}): Signature => ({
  task: 'regression',
  features: [
    { name: 'a', type: 'number' },
    { name: 'b', type: 'number' },
  ],
  inputs: [{ name: 'X', datatype, shape: [-1, 2], column: 0, width: 2, ...more }],
  outputs: [{ name: 'predict', datatype: 'FP64', shape: [-1], column: 0, width: 1 }],
  answer: { column: 0, width: 1 },
  missingAllowed: true,
});
const values = [0.1, 1e-9, 16_777_217, Number.NaN];
const given = (name: string, datatype: 'FP32' | 'FP64', isRaw: boolean) => {
  const bytes = datatype === 'FP32' ? Float32Array.from(values) : Float64Array.from(values);
  const raw = isRaw ? new Uint8Array(bytes.buffer) : null;
  return { name, datatype, shape: [2, 2], values: isRaw ? null : values, raw };
};

test.each([
  ['FP32', 'FP64', true],
  ['FP32', 'FP64', false],
  ['FP64', 'FP32', true],
  ['FP64', 'FP32', false],
  ['FP32', 'FP32', true],
  ['FP64', 'FP64', false],
] as const)('a model of %s without names of its own takes %s, raw: %s', (model, sent, isRaw) => {
  const { values: got, rows } = frameOf([given('input-0', sent, isRaw)], spec(model, { unnamed: true }));
  const isDouble = model === 'FP64' && sent === 'FP64';
  expect(rows).toBe(2);
  expect([...got]).toEqual(isDouble ? values : values.map(Math.fround));
});

test('one that has names takes no others, and its own datatype', () => {
  expect(() => frameOf([given('input-0', 'FP32', true)], spec('FP32'))).toThrow(
    'There is no input "input-0"',
  );
  expect(() => frameOf([given('X', 'FP64', true)], spec('FP32'))).toThrow('is FP64; this model takes FP32');
});
