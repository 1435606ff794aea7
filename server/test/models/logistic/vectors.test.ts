import { describe, expect, test } from 'vitest';
import { decodeState } from '../../../src/models/logistic/state.ts';
import { asker, learnerFor, readStream, vector } from './stream.ts';

interface Trajectory {
  rows: number;
  features: string[];
  learners: Record<
    string,
    {
      final: { accuracy: number; log_loss: number };
      blocks: { from: number; to: number; accuracy: number }[];
      predictions: {
        head: number[];
        middle: { from: number; values: number[] };
        tail: { from: number; values: number[] };
        block_sums: number[];
      };
      final_state: {
        intercept: number;
        weights: Record<string, number>;
        scaler: Record<string, { mean: number; var: number }>;
      };
    }
  >;
}

const cases = ['elec', 'bananas', 'phishing'].flatMap((name) =>
  [0.005, 0.1].map((learningRate) => ({ name, learningRate })),
);

describe('equal to River 0.26.1, predicting each row and then learning it', () => {
  test.each(cases)('$name with learning rate $learningRate', ({ name, learningRate }) => {
    const { features, rows, targets } = readStream(name);
    const trajectory = vector<Trajectory>(`logistic-${name}`);
    const wanted = trajectory.learners[`logreg_sgd_${learningRate}`]!;
    expect(features).toEqual(trajectory.features);
    expect(rows).toHaveLength(trajectory.rows);
    const learner = learnerFor(features, { learningRate });
    const ask = asker(learner);
    const answers = rows.map((row, i) => {
      const answer = ask(row);
      expect(learner.learn(row, targets[i]!)).toBe(true);
      return answer;
    });
    const { head, middle, tail, block_sums } = wanted.predictions;
    for (const { from, values } of [{ from: 0, values: head }, middle, tail])
      expect(furthest(answers.slice(from, from + values.length), values)).toBeLessThan(1e-9);
    for (const [k, { from, to, accuracy }] of wanted.blocks.entries()) {
      const part = answers.slice(from, to);
      expect(Math.abs(part.reduce((sum, p) => sum + p, 0) - block_sums[k]!)).toBeLessThan(1e-9 * (to - from));
      expect(part.filter((p, i) => (p > 0.5 ? 1 : 0) === targets[from + i]).length / (to - from)).toBe(
        accuracy,
      );
    }
    const { intercept, weights, mean, variance } = decodeState(learner.state(), features.length);
    const { final_state } = wanted;
    expect(intercept).toBeCloseTo(final_state.intercept, 9);
    expect(
      furthest(
        weights,
        features.map((f) => final_state.weights[f]!),
      ),
    ).toBeLessThan(1e-9);
    expect(
      furthest(
        mean,
        features.map((f) => final_state.scaler[f]!.mean),
      ),
    ).toBeLessThan(1e-9);
    expect(
      furthest(
        variance,
        features.map((f) => final_state.scaler[f]!.var),
      ),
    ).toBeLessThan(1e-9);
  });
});

function furthest(got: ArrayLike<number>, wanted: ArrayLike<number>): number {
  expect(got.length).toBe(wanted.length);
  return Math.max(...Array.from(got, (one, i) => Math.abs(one - wanted[i]!)));
}

describe('with labels 48 rows late', () => {
  const { block_bounds: bounds, ...late } = vector<{
    block_bounds: number[];
    'logreg_sgd_0.005': { per_block: number[]; overall_after_20pct: number };
    'logreg_sgd_0.1': { per_block: number[]; overall_after_20pct: number };
  }>('logistic-elec-late');
  const { features, rows, targets } = readStream('elec');
  const right = (p: number, row: number): number => ((p > 0.5 ? 1 : 0) === targets[row] ? 1 : 0);
  const share = (hits: number[], from: number, to: number): number =>
    hits.slice(from, to).reduce((sum, hit) => sum + hit, 0) / (to - from);

  test.each([0.005, 0.1] as const)('as River from the first row on, learning rate %d', (learningRate) => {
    const learner = learnerFor(features, { learningRate });
    const ask = asker(learner);
    const hits = rows.map((row, i) => {
      const hit = right(ask(row), i);
      // River's order: row i is answered before row i − 48 is learned.
      if (i >= 48) learner.learn(rows[i - 48]!, targets[i - 48]!);
      return hit;
    });
    const wanted = late[`logreg_sgd_${learningRate}`];
    expect(bounds.slice(0, -1).map((from, k) => share(hits, from, bounds[k + 1]!))).toEqual(wanted.per_block);
    expect(share(hits, bounds[2]!, rows.length)).toBe(wanted.overall_after_20pct);
  });

  test('begun on the first fifth and learning rows up to i − 48 before row i, as the demo does', () => {
    const learner = learnerFor(features);
    const ask = asker(learner);
    const begun = bounds[2]!;
    for (let i = 0; i < begun; i++) learner.learn(rows[i]!, targets[i]!);
    const hits: number[] = [];
    for (let i = begun; i < rows.length; i++) {
      if (i - 48 >= begun) learner.learn(rows[i - 48]!, targets[i - 48]!);
      hits.push(right(ask(rows[i]!), i));
    }
    const block = (k: number): number => share(hits, bounds[k]! - begun, bounds[k + 1]! - begun);
    const wanted = late['logreg_sgd_0.005'];
    // One label fresher than River's order.
    expect(Math.abs(share(hits, 0, hits.length) - wanted.overall_after_20pct)).toBeLessThan(0.002);
    for (let k = 2; k < 10; k++) expect(Math.abs(block(k) - wanted.per_block[k]!)).toBeLessThan(0.005);
  });
});
