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

test('numbers of any type are taken, those of 64 bits too', () => {
  const of = (datatype: string, values: number[]) => ({
    name: 'rows',
    datatype,
    shape: [1, 2],
    values,
    raw: null,
  });
  const signature = spec('FP64', { unnamed: true });
  expect([...frameOf([of('INT32', [3, -4])], signature).values]).toEqual([3, -4]);
  const raw = new Uint8Array(BigInt64Array.of(2n ** 62n + 1n, 5n).buffer);
  const long = frameOf([{ ...of('INT64', []), values: null, raw }], signature);
  expect([...long.values]).toEqual([2 ** 62, 5]);
  expect(long.texts).toEqual([]);
  // A half is no sign of a number that lies in texts.
  expect([...frameOf([of('FP32', [0.5, 2.5])], signature).values]).toEqual([0.5, 2.5]);
  expect(() => frameOf([of('BYTES', [1, 2])], signature)).toThrow('"rows" is BYTES; this model takes FP64');
  expect(() => frameOf([of('toString', [1, 2])], signature)).toThrow('takes FP64');
});

test('a table comes as a tensor a feature, in any order', () => {
  const column = (name: string, datatype: string, values: number[], shape = [2]) => ({
    name,
    datatype,
    shape,
    values,
    raw: null,
  });
  const signature = spec('FP32', { unnamed: true });
  const { values: got } = frameOf(
    [column('b', 'INT64', [3, 4]), column('a', 'FP64', [0.1, 2.5], [2, 1])],
    signature,
  );
  expect([...got]).toEqual([Math.fround(0.1), 3, 2.5, 4]);
  expect(() => frameOf([column('a', 'FP64', [1, 2])], signature)).toThrow();
  expect(() =>
    frameOf(
      [column('a', 'FP64', [1, 2]), column('b', 'FP64', [1, 2]), column('c', 'FP64', [1, 2])],
      signature,
    ),
  ).toThrow('There is no input "c"');
  expect(() => frameOf([column('a', 'FP64', [1, 2]), column('b', 'FP64', [1], [1])], signature)).toThrow(
    '"b"',
  );
});
