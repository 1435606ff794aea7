import { expect, test } from 'vitest';
import { goldenOutputs } from '../../src/gates/golden-outputs.ts';
import type { CanonicalAnswer, Signature, TensorSpec } from '../../src/signature.ts';

const output = (name: string, column: number, width: number, datatype = 'FP32'): TensorSpec => ({
  name,
  datatype: datatype as TensorSpec['datatype'],
  shape: width === 1 ? [-1] : [-1, width],
  column,
  width,
});
const signature = (
  outputs: TensorSpec[],
  answer: CanonicalAnswer | null,
  classes?: Signature['classes'],
): Signature => ({
  task: !answer ? 'other' : !classes ? 'regression' : classes.length === 2 ? 'binary' : 'multiclass',
  features: [],
  inputs: [],
  outputs,
  ...(classes ? { classes } : {}),
  answer,
  missingAllowed: true,
});
const label = output('output_label', 0, 1, 'INT64');
/** What a ZipMap's graph answers, a booster of two classes, and one of numbers. */
const zipped = signature(
  [label, output('output_probability', 1, 3)],
  { column: 1, width: 3, label: { column: 0, holds: 'class' } },
  [3, 4, 5],
);
const pair = signature([output('p', 0, 2)], { column: 1, width: 1 }, ['no', 'yes']);
const booster = signature([output('predict', 0, 1)], { column: 0, width: 1 }, [0, 1]);
const margins = signature([output('predict', 0, 1)], { column: 0, width: 1, scores: true }, [0, 1]);
const value = signature([output('variable', 0, 1)], { column: 0, width: 1 });
const unscored = signature([output('a', 0, 1), output('b', 1, 2)], null);

type Rows = { [name: string]: unknown[] };
const paired = (outputs: Rows, version: Signature) =>
  goldenOutputs(
    Object.entries(outputs).map(([name, data]) => ({ name, data })),
    version,
    (message) => {
      throw new Error(message);
    },
  ).map(({ name, against, data }) => [
    name,
    against === 'class' ? against : [against.column, against.width],
    data,
  ]);

test('names that the version has come first: nothing else is held against it', () => {
  expect(paired({ predict: [0.5], probabilities: [[0.1, 0.2, 0.3]] }, booster)).toEqual([
    ['predict', [0, 1], [0.5]],
  ]);
});

test('probabilities and labels are the answer, whatever a ZipMap calls it', () => {
  const rows = [[0.2, 0.3, 0.5]];
  expect(paired({ label: [5], probabilities: rows, 'native:margin': [1] }, zipped)).toEqual([
    ['label', 'class', [5]],
    ['probabilities', [1, 3], rows],
  ]);
  expect(paired({ predict_proba: [[0.25, 0.75]] }, pair)).toEqual([
    ['predict_proba', [0, 2], [[0.25, 0.75]]],
  ]);
  expect(paired({ probability: [0.75] }, pair)).toEqual([['probability', [1, 1], [0.75]]]);
});

test('of two probabilities the second is held against a version that answers only that', () => {
  const rows = [
    [0.25, 0.75],
    ['NaN', 'NaN'],
  ];
  expect(paired({ probabilities: rows }, booster)).toEqual([['probabilities', [0, 1], [0.75, 'NaN']]]);
  expect(() => paired({ probabilities: [[0.25, 0.5]] }, booster)).toThrow(
    'row 0 of "probabilities" adds up to 0.75, not to 1.',
  );
});

test('predictions are classes where all of them are, else numbers', () => {
  expect(paired({ pyfunc: [1, 0, 1] }, booster)).toEqual([['pyfunc', 'class', [1, 0, 1]]]);
  expect(paired({ predictions: [['yes'], ['no']] }, pair)).toEqual([
    ['predictions', 'class', [['yes'], ['no']]],
  ]);
  expect(paired({ pyfunc: [1, 0, 0.25] }, booster)).toEqual([['pyfunc', [0, 1], [1, 0, 0.25]]]);
  expect(paired({ Prediction: [1, 0] }, value)).toEqual([['Prediction', [0, 1], [1, 0]]]);
});

test('numbers for names are places, from 0', () => {
  const rows = { output_1: [[1, 2]], output_0: [7] };
  expect(paired(rows, unscored)).toEqual([
    ['output_1', [1, 2], [[1, 2]]],
    ['output_0', [0, 1], [7]],
  ]);
  expect(paired({ 0: [7] }, unscored)).toEqual([['0', [0, 1], [7]]]);
  expect(() => paired({ output_0: [[1, 2]] }, unscored)).toThrow(
    'its "output_0" has 2 values a row, and "a", the version\'s output for it, 1.',
  );
});

test.each<[string, Rows, Signature, string]>([
  ['places from 1', { output_1: [7], output_2: [7] }, unscored, "version's: a, b."],
  ['places beyond the last', { output_0: [7], output_2: [7] }, unscored, "version's: a, b."],
  ['an answer of a version that has none', { predictions: [7] }, unscored, "version's: a, b."],
  ['classes of numbers', { label: [1] }, value, '"predictions", which stand for its answer'],
  [
    'a name that says nothing',
    { margin: [1] },
    booster,
    'none of its outputs is one of the version\'s: predict; nor is it called "probabilities", "label" or "predictions"',
  ],
  [
    'probabilities of more classes',
    { probabilities: [[0.1, 0.2, 0.7]] },
    booster,
    'its "probabilities" has 3 values a row, and "predict", the version\'s output for it, 1.',
  ],
  ['two columns for one distance', { probabilities: [[0.5, 0.5]] }, margins, 'has 2 values a row'],
])('%s: refused, with what is expected', (_, outputs, version, message) => {
  expect(() => paired(outputs, version)).toThrow(message);
});
