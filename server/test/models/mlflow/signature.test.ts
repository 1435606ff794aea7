import { describe, expect, test } from 'vitest';
import { agreed, columnNames, readSignature } from '../../../src/models/mlflow/signature.ts';
import type { Signature } from '../../../src/signature.ts';

const said = (inputs: unknown): ReturnType<typeof readSignature> =>
  readSignature(new Map([['inputs', JSON.stringify(inputs)]]), 'MLmodel');
const column = (name: string, type: string) => ({ name, type, required: true });
const tensor = (dtype: string, shape: number[], name?: string) => ({
  type: 'tensor',
  'tensor-spec': { dtype, shape },
  ...(name ? { name } : {}),
});

const forest: Signature = {
  task: 'regression',
  features: [
    { name: 'mean_radius', type: 'number' },
    { name: 'visits', type: 'number' },
    { name: 'city', type: 'category', categories: ['Bonn', 'Oslo'] },
  ],
  inputs: [{ name: 'X', datatype: 'FP64', shape: [-1, 3], column: 0, width: 3 }],
  outputs: [{ name: 'predict', datatype: 'FP64', shape: [-1], column: 0, width: 1 }],
  answer: { column: 0, width: 1 },
  missingAllowed: true,
};
const graph: Signature = {
  ...forest,
  features: [
    { name: 'age', type: 'number' },
    { name: 'town', type: 'string' },
  ],
  inputs: [
    { name: 'age', datatype: 'FP32', shape: [-1, 1], column: 0, width: 1 },
    { name: 'town', datatype: 'BYTES', shape: [-1, 1], column: 1, width: 1 },
  ],
};

test('types come from MLflow where the file has plain numbers, and names as the data had them', () => {
  const inputs = [column('mean radius', 'double'), column('visits', 'long'), column('city', 'string')];
  expect(agreed(forest, said(inputs), 'MLmodel').features).toEqual([
    { name: 'mean radius', type: 'number' },
    { name: 'visits', type: 'integer' },
    { name: 'city', type: 'category', categories: ['Bonn', 'Oslo'] },
  ]);
  expect(columnNames(said(inputs))).toEqual(['mean radius', 'visits', 'city']);
});

test('graphs of several inputs are matched by name, whatever the order', () => {
  const inputs = [column('town', 'string'), column('age', 'float')];
  expect(agreed(graph, said(inputs), 'MLmodel')).toEqual(graph);
});

test('columns and tensors without names say how many there are', () => {
  expect(columnNames(said([{ type: 'double' }]))).toBeUndefined();
  expect(agreed(forest, said([tensor('float32', [-1, 3])]), 'MLmodel')).toEqual(forest);
  expect(agreed(forest, null, 'MLmodel')).toEqual(forest);
  expect(readSignature(undefined, 'MLmodel')).toBeNull();
  expect(readSignature(new Map([['inputs', null]]), 'MLmodel')).toBeNull();
});

describe('where both speak they must agree', () => {
  const cases: [what: string, own: Signature, inputs: unknown, says: string][] = [
    ['too few columns', forest, [column('mean_radius', 'double')], 'names 1 columns, the file takes 3'],
    [
      'another order',
      forest,
      [column('visits', 'double'), column('mean_radius', 'double'), column('city', 'string')],
      'column 0 is "visits" to it, "mean_radius" to the file',
    ],
    [
      'a text for a number',
      forest,
      [column('mean_radius', 'string'), column('visits', 'long'), column('city', 'string')],
      '"mean_radius" is a text to it',
    ],
    ['a number for a text', graph, [column('age', 'float'), column('town', 'double')], '"town" is a number'],
    ['a date', graph, [column('age', 'datetime'), column('town', 'string')], 'of the type datetime'],
    [
      'a column that is not there',
      graph,
      [column('age', 'float'), column('x', 'string')],
      'no column "town"',
    ],
    ['a tensor’s width', forest, [tensor('float64', [-1, 4])], 'the shape [-1,4] to it, [-1,3]'],
    ['a tensor’s type', { ...forest }, [tensor('float32', [-1, 3], 'X')], '"X" is float32 to it, FP64'],
    ['a tensor’s name', forest, [tensor('float64', [-1, 3], 'Y')], 'no input "Y"'],
    ['too many tensors', forest, [tensor('float64', [-1, 3]), tensor('float64', [-1])], '2 tensors'],
  ];
  test.each(cases)('%s', (_, own, inputs, says) => {
    expect(() => agreed(own, said(inputs), 'churn')).toThrow(
      expect.objectContaining({ code: 'FILE_BROKEN', message: expect.stringContaining(says) }),
    );
  });
});

test.each([
  ['cut off', '[{"type": "double"'],
  ['no list', '{"type": "double"}'],
  ['empty', '[]'],
  ['mixed', JSON.stringify([tensor('float32', [-1]), column('a', 'double')])],
  ['a tensor without a shape', '[{"type": "tensor"}]'],
  ['a name that is a number', '[{"type": "double", "name": 7}]'],
  ['nulls', '[null]'],
])('a signature that is %s is refused', (_, text) => {
  expect(() => readSignature(new Map([['inputs', text]]), 'churn: MLmodel')).toThrow(
    expect.objectContaining({
      code: 'FILE_BROKEN',
      message: expect.stringContaining('churn: MLmodel: signature'),
    }),
  );
});
