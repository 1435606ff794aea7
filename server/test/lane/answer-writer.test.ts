import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseExact } from '../../src/json.ts';
import { AnswerWriter } from '../../src/lane/answer-writer.ts';
import type { Signature } from '../../src/signature.ts';
import type { ServedVersion } from '../../src/snapshot.ts';

const base = { features: [], inputs: [], missingAllowed: true };
const binary: Signature = {
  ...base,
  task: 'binary',
  outputs: [{ name: 'p', datatype: 'FP64', shape: [-1], column: 0, width: 1 }],
  classes: ['no', 'yes "really"'],
  answer: { column: 0, width: 1 },
};
const multiclass: Signature = {
  ...base,
  task: 'multiclass',
  outputs: [
    { name: 'label', datatype: 'INT64', shape: [-1], column: 0, width: 1 },
    { name: 'p', datatype: 'FP32', shape: [-1, 3], column: 1, width: 3 },
  ],
  classes: [10, 20, 30],
  answer: { column: 1, width: 3 },
};
const regression: Signature = {
  ...base,
  task: 'regression',
  outputs: [{ name: 'y', datatype: 'FP64', shape: [-1], column: 0, width: 1 }],
  answer: { column: 0, width: 1 },
};

const writer = (signature: Signature) =>
  new AnswerWriter('m"odel', { version: 7, signature } as ServedVersion);

test('one row', () => {
  expect(JSON.parse(writer(binary).one('id-1', Float64Array.of(0.75), []))).toEqual({
    id: 'id-1',
    model: 'm"odel',
    version: 7,
    prediction: 'yes "really"',
    probabilities: { no: 0.25, 'yes "really"': 0.75 },
  });
  expect(JSON.parse(writer(regression).one('id-1', Float64Array.of(-3.25), []))).toEqual({
    id: 'id-1',
    model: 'm"odel',
    version: 7,
    prediction: -3.25,
  });
});

test('of two classes both probabilities, where the model says both', () => {
  const pair: Signature = {
    ...binary,
    outputs: [
      { name: 'label', datatype: 'INT64', shape: [-1], column: 0, width: 1 },
      { name: 'probabilities', datatype: 'FP32', shape: [-1, 2], column: 1, width: 2 },
    ],
    answer: { column: 2, width: 1 },
  };
  // As float32 has them: their sum is not 1.
  const [no, yes] = [3.4911e-6, 0.9999964].map(Math.fround) as [number, number];
  const two = Float64Array.of(1, 0.5, 0.5, 1, no, yes);
  const { predictions } = JSON.parse(writer(pair).many('id', two, [], 2)) as { predictions: object[] };
  expect(predictions[1]).toMatchObject({
    prediction: 'yes "really"',
    probabilities: { no, 'yes "really"': yes },
  });
});

test('scores that are no probabilities, with the label that the model says', () => {
  const scored: Signature = {
    ...binary,
    outputs: [
      { name: 'label', datatype: 'INT64', shape: [-1], column: 0, width: 1 },
      { name: 'score', datatype: 'FP32', shape: [-1, 1], column: 1, width: 1 },
    ],
    classes: [3, 7],
    answer: { column: 1, width: 1, scores: true, label: { column: 0, holds: 'class' } },
  };
  const said = JSON.parse(writer(scored).one('id-1', Float64Array.of(7, 0.25), []));
  expect(said).toMatchObject({ prediction: 7, scores: { 7: 0.25 } });
  expect(said).not.toHaveProperty('probabilities');
  // What is no class of the model's is not believed: the score's sign decides.
  expect(JSON.parse(writer(scored).one('id-1', Float64Array.of(5, -0.25), [])).prediction).toBe(3);
  const ranked: Signature = { ...multiclass, answer: { column: 1, width: 3, scores: true } };
  expect(JSON.parse(writer(ranked).one('id-1', Float64Array.of(0, -4, 9, 2), []))).toMatchObject({
    prediction: 20,
    scores: { 10: -4, 20: 9, 30: 2 },
  });
});

test('many rows, an id each', () => {
  const answers = Float64Array.of(20, 0.1, 0.7, 0.2, 10, 0.5, 0.5, 0);
  expect(JSON.parse(writer(multiclass).many('id-1', answers, [], 2))).toEqual({
    id: 'id-1',
    model: 'm"odel',
    version: 7,
    predictions: [
      { id: 'id-1.0', prediction: 20, probabilities: { 10: 0.1, 20: 0.7, 30: 0.2 } },
      { id: 'id-1.1', prediction: 10, probabilities: { 10: 0.5, 20: 0.5, 30: 0 } },
    ],
  });
});

test('always JSON, and numbers survive to the bit', () => {
  fc.assert(
    fc.property(fc.double(), (value) => {
      const { prediction } = JSON.parse(writer(regression).one('id', Float64Array.of(value), []));
      expect(prediction).toEqual(Number.isFinite(value) ? value + 0 : null);
    }),
    { seed: 2 },
  );
});

test('without a canonical answer: every output by its name', () => {
  const other: Signature = {
    ...base,
    task: 'other',
    outputs: [
      { name: 'text', datatype: 'BYTES', shape: [-1], column: 0, width: 1 },
      { name: 'count', datatype: 'INT64', shape: [-1, 2], column: 1, width: 2 },
      { name: 'flag', datatype: 'BOOL', shape: [-1, 1], column: 3, width: 1 },
      { name: 'x', datatype: 'FP32', shape: [-1], column: 4, width: 1 },
    ],
    answer: null,
  };
  const answers = Float64Array.of(0.5, 1.5, -7, 1, Number.NaN, 2.5, 1, 2, 0, 0.25);
  const texts = ['"said"', '9007199254740993', ''];
  expect(parseExact(writer(other).many('id-1', answers, texts, 2))).toMatchObject({
    predictions: [
      { id: 'id-1.0', prediction: { text: '"said"', count: [9007199254740993n, -7], flag: [true], x: null } },
      { id: 'id-1.1', prediction: { text: '', count: [1, 2], flag: [false], x: 0.25 } },
    ],
  });
});

test('a value of 64 bits is said to its last digit', () => {
  const long: Signature = {
    ...regression,
    outputs: [{ name: 'y', datatype: 'INT64', shape: [-1], column: 0, width: 1 }],
  };
  expect(writer(long).one('id-1', Float64Array.of(0.5), ['-9007199254740993'])).toContain(
    '"prediction":-9007199254740993}',
  );
});
