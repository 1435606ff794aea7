import { describe, expect, test } from 'vitest';
import type { PredictionEvent } from '../../src/events.ts';
import { featuresOf, judge, noAnswer, truthOf } from '../../src/loops/outcome.ts';
import type { Scored } from '../../src/signature.ts';

const base = {
  features: [
    { name: 'a', type: 'number' as const },
    { name: 'b', type: 'number' as const },
  ],
  inputs: [],
  missingAllowed: true,
};
const output = (width: number) => [
  { name: 'y', datatype: 'FP64' as const, shape: [-1, width], column: 0, width },
];
const binary: Scored = {
  ...base,
  task: 'binary',
  outputs: output(1),
  classes: ['no', 'yes'],
  answer: { column: 0, width: 1 },
};
const three: Scored = {
  ...base,
  task: 'multiclass',
  outputs: output(3),
  classes: [1, 2, 3],
  answer: { column: 0, width: 3 },
};
const value: Scored = { ...base, task: 'regression', outputs: output(1), answer: { column: 0, width: 1 } };

const event = (answers: number[], more: Partial<PredictionEvent> = {}): PredictionEvent => ({
  type: 'prediction',
  id: new Uint8Array(16),
  model: 'm',
  version: 1,
  update: 0,
  snapshot: 1,
  role: 'live',
  propensity: 1,
  rollout: null,
  subject: null,
  key: null,
  trace: null,
  at: 5,
  latency: 1,
  rows: 2,
  features: ['a', 'b'],
  values: Float64Array.of(1, 2, 10, 20),
  texts: [],
  failure: null,
  answerTexts: [],
  answers: Float64Array.from(answers),
  imputed: 0,
  ...more,
});

describe('the truth', () => {
  test.each([
    [binary, 'yes', 1],
    [binary, 'maybe', null],
    [three, 2, 1],
    [three, '2', 1],
    [value, 3.5, 3.5],
    [value, '3.5', 3.5],
    [value, 'much', null],
  ] as const)('%#: %s is %s', (signature, label, truth) => {
    expect(truthOf(signature as Scored, label)).toBe(truth);
  });
});

describe('an answer beside the truth', () => {
  test('binary: right or wrong, and −ln of the true class’s probability', () => {
    const answered = event([0.9, 0.2]);
    expect(judge(answered, answered, 0, binary, 1, 6)).toMatchObject({
      answer: 1,
      correct: true,
      logLoss: -Math.log(0.9),
      labelAt: 6,
    });
    expect(judge(answered, answered, 1, binary, 1, 6)).toMatchObject({
      answer: 0,
      correct: false,
      logLoss: -Math.log(0.2),
    });
    expect(judge(answered, answered, 1, binary, 0, 6).logLoss).toBeCloseTo(-Math.log(0.8), 12);
  });

  test('a certainty that is wrong costs much, not everything', () => {
    const answered = event([1, 0]);
    expect(judge(answered, answered, 0, binary, 0, 6).logLoss).toBeCloseTo(-Math.log(1e-15), 6);
    expect(judge(event([Number.NaN, 0]), event([Number.NaN, 0]), 0, binary, 1, 6).logLoss).toBeCloseTo(
      -Math.log(1e-15),
      6,
    );
  });

  test('multiclass: the largest column, the lowest of equals', () => {
    const answered = event([0.2, 0.4, 0.4, 0.1, 0.1, 0.8]);
    expect(judge(answered, answered, 0, three, 2, 6)).toMatchObject({
      answer: 1,
      correct: false,
      logLoss: -Math.log(0.4),
    });
    expect(judge(answered, answered, 1, three, 2, 6)).toMatchObject({ answer: 2, correct: true });
  });

  test('regression: how far off', () => {
    const answered = event([3, 7]);
    expect(judge(answered, answered, 1, value, 5, 6)).toMatchObject({
      answer: 7,
      correct: null,
      logLoss: null,
      error: 2,
    });
  });

  test('no finite number is no answer: it has no error, and state.db can hold it', () => {
    for (const said of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) {
      const answered = event([said, 0]);
      expect(judge(answered, answered, 0, value, 5, 6)).toMatchObject({ answer: noAnswer, error: null });
    }
  });

  test('errors are bounded, so that sums of their squares are numbers that a correction can be taken from', () => {
    const answered = event([-1e308, 0]);
    expect(judge(answered, answered, 0, value, 1e308, 6)).toMatchObject({ answer: -1e308, error: -1e100 });
  });

  test('what failed has no answer', () => {
    const failed = event([], { role: 'shadow', version: 2, failure: 'PREDICTION_FAILED' });
    for (const signature of [binary, three, value])
      expect(judge(event([0.9, 0.9]), failed, 1, signature, 0, 6)).toMatchObject({
        version: 2,
        answer: noAnswer,
        correct: null,
        logLoss: null,
        error: null,
      });
  });

  test('a shadow is judged on the live row, under its own version', () => {
    const shadow = event([0.1, 0.2], { role: 'shadow', version: 2, update: 9 });
    expect(judge(event([0.9, 0.9]), shadow, 0, binary, 0, 6)).toMatchObject({
      version: 2,
      liveVersion: 1,
      update: 9,
      role: 'shadow',
      correct: true,
    });
  });
});

test('features are a learner’s only if all of them were kept as they were', () => {
  expect([...featuresOf(event([1, 1]), 1, binary)!]).toEqual([2, 20]);
  expect(featuresOf(event([1, 1], { features: ['a'] }), 0, binary)).toBeNull();
  expect(featuresOf(event([1, 1], { features: ['a', 'b#hash'] }), 0, binary)).toBeNull();
});
