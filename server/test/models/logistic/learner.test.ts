import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { largestStep } from '../../../src/models/logistic/learner.ts';
import { decodeState, encodeState, freshState } from '../../../src/models/logistic/state.ts';
import { newFrame } from '../../../src/tensor.ts';
import { asker, learnerFor, readStream } from './stream.ts';

const names = ['a', 'b', 'c'];

/** A learner that has seen the two bananas. */
function taught(rows = 500) {
  const stream = readStream('bananas');
  const learner = learnerFor(stream.features, { learningRate: 0.1 });
  for (let i = 0; i < rows; i++) learner.learn(stream.rows[i]!, stream.targets[i]!);
  return { learner, ask: asker(learner), stream };
}

describe('a missing value', () => {
  test('is the mean: it moves nothing', () => {
    const { learner, ask } = taught();
    const { mean } = decodeState(learner.state(), 2);
    expect(ask([Number.NaN, 0.7])).toBeCloseTo(ask([mean[0]!, 0.7]), 12);
    expect(ask([Number.NaN, Number.NaN])).toBeCloseTo(ask(mean), 12);
  });

  test('teaches its feature nothing, and the others as ever', () => {
    const { learner } = taught();
    const before = decodeState(learner.state(), 2);
    expect(learner.learn(Float64Array.of(Number.NaN, 2), 1)).toBe(true);
    const after = decodeState(learner.state(), 2);
    for (const list of ['counts', 'mean', 'variance', 'weights'] as const) {
      expect(after[list][0], list).toBe(before[list][0]);
      expect(after[list][1], list).not.toBe(before[list][1]);
    }
    expect(after.intercept).not.toBe(before.intercept);
  });

  test('for long, then a feature that comes: its mean and variance are those of what was seen', () => {
    const learner = learnerFor(['late', 'always']);
    for (let i = 0; i < 1000; i++) learner.learn(Float64Array.of(Number.NaN, i % 7), i % 2);
    for (const x of [10, 12, 14]) learner.learn(Float64Array.of(x, 1), 1);
    const { counts, mean, variance } = decodeState(learner.state(), 2);
    expect([counts[0], counts[1]]).toEqual([3, 1003]);
    expect(mean[0]).toBeCloseTo(12, 12);
    expect(variance[0]).toBeCloseTo(8 / 3, 12);
  });
});

describe('what it refuses to learn leaves its state as it was', () => {
  test.each([
    ['an infinite value', [Number.POSITIVE_INFINITY, 1], 1],
    ['a value whose square has no number', [1e200, 1], 1],
    ['a label that is no class', [1, 1], 2],
    ['no label', [1, 1], Number.NaN],
  ])('%s', (_, row, target) => {
    const { learner, ask } = taught();
    const [state, answer] = [learner.state(), ask([0.3, -1])];
    expect(learner.learn(Float64Array.from(row), target)).toBe(false);
    expect(learner.state()).toEqual(state);
    expect(ask([0.3, -1])).toBe(answer);
  });

  test(`a step of more than ${largestStep}`, () => {
    // A constant for long, then a value far away: standardised to √n.
    const learner = learnerFor(['still'], { learningRate: 1 });
    for (let i = 0; i < 10_000; i++) learner.learn(Float64Array.of(5), 0);
    const state = learner.state();
    expect(learner.learn(Float64Array.of(6), 1)).toBe(false);
    expect(learner.state()).toEqual(state);
    const careful = learnerFor(['still'], { learningRate: 0.05 });
    careful.restore(state);
    expect(careful.learn(Float64Array.of(6), 1)).toBe(true);
  });
});

test('numbers far from 0 cost no digits', () => {
  // Standardisation must not care where the numbers lie: the same rows, moved by a million.
  const { rows, targets, features } = readStream('bananas');
  const [near, far] = [learnerFor(features), learnerFor(features)];
  const [askNear, askFar] = [asker(near), asker(far)];
  const exact = (row: Float64Array) => row.map((x) => Math.round(x * 1024) / 1024);
  const moved = (row: Float64Array) => row.map((x) => x + 2 ** 20);
  for (let i = 0; i < 2000; i++) {
    const row = exact(rows[i]!);
    expect(Math.abs(askFar(moved(row)) - askNear(row))).toBeLessThan(1e-9);
    near.learn(row, targets[i]!);
    far.learn(moved(row), targets[i]!);
  }
});

test('infinite values answer as far as one can go; where they cancel, nothing is known', () => {
  const { learner, ask } = taught(5000);
  const { weights, intercept } = decodeState(learner.state(), 2);
  const towards = (k: number) => Math.sign(weights[k]!) * Number.POSITIVE_INFINITY;
  expect(ask([towards(0), 0])).toBe(1);
  expect(ask([0, -towards(1)])).toBe(0);
  expect(ask([towards(0), -towards(1)])).toBe(1 / (1 + Math.exp(-intercept)));
});

describe('its state', () => {
  test('goes to bytes and back, and the learner goes on to the bit', () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.tuple(
            fc.array(fc.oneof(fc.double({ min: -1e6, max: 1e6, noNaN: true }), fc.constant(Number.NaN)), {
              minLength: 3,
              maxLength: 3,
            }),
            fc.constantFrom(0, 1),
          ),
          { minLength: 2, maxLength: 40 },
        ),
        fc.nat(),
        (stream, cut) => {
          const [whole, first, second] = [learnerFor(names), learnerFor(names), learnerFor(names)];
          const at = cut % stream.length;
          const teach = (learner: typeof whole, from: number, to: number) =>
            stream.slice(from, to).map(([row, target]) => learner.learn(Float64Array.from(row), target));
          const all = teach(whole, 0, stream.length);
          const before = teach(first, 0, at);
          second.restore(first.state());
          expect([...before, ...teach(second, at, stream.length)]).toEqual(all);
          expect(second.state()).toEqual(whole.state());
          const frame = newFrame(1, 3);
          frame.values.set(stream[0]![0]);
          const answers = [whole, second].map((learner) => {
            const answer = new Float64Array(1);
            learner.predict(frame, answer);
            return answer[0];
          });
          expect(answers[0]).toBe(answers[1]);
          expect(answers[0]).toBeGreaterThanOrEqual(0);
          expect(answers[0]).toBeLessThanOrEqual(1);
        },
      ),
      { seed: 26, numRuns: 200 },
    );
  });

  test('of format 1 (one count for all features) is read', () => {
    const bytes = new Uint8Array(8 + 8 * (2 + 3 * 2));
    const view = new DataView(bytes.buffer);
    view.setUint32(0, 1, true);
    view.setUint32(4, 2, true);
    for (const [i, value] of [30, -0.5, 1, 2, 3, 4, 5, 6].entries()) view.setFloat64(8 + 8 * i, value, true);
    expect(decodeState(bytes, 2)).toEqual({
      intercept: -0.5,
      counts: Float64Array.of(30, 30),
      mean: Float64Array.of(1, 2),
      variance: Float64Array.of(3, 4),
      weights: Float64Array.of(5, 6),
    });
  });

  test('that is not one, of others, or unsound is refused, and nothing changes', () => {
    const { learner } = taught();
    const state = learner.state();
    const unsound = { ...freshState(2), weights: Float64Array.of(Number.NaN, 0) };
    const negative = { ...freshState(2), variance: Float64Array.of(-1, 0) };
    for (const bytes of [
      new Uint8Array(),
      state.subarray(0, 20),
      new Uint8Array(80),
      encodeState(freshState(3)),
      encodeState(unsound),
      encodeState(negative),
    ])
      expect(() => learner.restore(bytes)).toThrow(RangeError);
    expect(learner.state()).toEqual(state);
  });
});
