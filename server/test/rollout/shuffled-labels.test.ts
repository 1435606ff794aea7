import { expect, test } from 'vitest';
import { LogisticLearner } from '../../src/models/logistic/learner.ts';
import { type Rule, settled } from '../../src/rollout/decide.ts';
import { lossFor, pairOf } from '../../src/rollout/loss.ts';
import { Paired } from '../../src/rollout/paired.ts';
import type { Signature } from '../../src/signature.ts';
import { newFrame } from '../../src/tensor.ts';
import { electricity, features, timeOf, trainedRows } from '../monitors/electricity.ts';
import { seeded, shuffle } from '../stats/seeded.ts';

const signature: Signature = {
  task: 'binary',
  features: features.map((name) => ({ name, type: 'number' })),
  inputs: [],
  outputs: [{ name: 'predict', datatype: 'FP64', shape: [-1], column: 0, width: 1 }],
  classes: [0, 1],
  answer: { column: 0, width: 1 },
  missingAllowed: true,
};
const rule: Rule = {
  phase: 'compare',
  live: 1,
  candidate: 2,
  alpha: 0.05,
  leastPairs: 500,
  margin: 0,
  held: false,
};

/** Labels come a day late. */
const delay = 48;
const compared = 2000;
const { rows: all, labels } = electricity();
const rows = all.map((row) => Float64Array.from(row));
const frame = newFrame(1, features.length);
const answer = new Float64Array(1);

function begun(targets: number[]): LogisticLearner {
  const learner = new LogisticLearner(signature, { learningRate: 0.005, interceptLearningRate: 0.01 });
  for (let i = 0; i < targets.length; i++) learner.learn(rows[i]!, targets[i]!);
  return learner;
}

function predicted(learner: LogisticLearner, row: number): number {
  frame.values.set(rows[row]!);
  learner.predict(frame, answer);
  return answer[0]! > 0.5 ? 1 : 0;
}

/** Plays the stream: whether a learner that is fed these labels would ever have been promoted over a frozen one. */
function promoted(live: number[], targets: number[]): number | null {
  const candidate = begun(targets.slice(0, trainedRows));
  const paired = new Paired(lossFor('binary', null));
  const answers: number[] = [];
  for (let i = trainedRows; i < trainedRows + live.length; i++) {
    const known = i - delay;
    if (known >= trainedRows) {
      candidate.learn(rows[known]!, targets[known]!);
      const k = known - trainedRows;
      // The comparison is with the truth, whatever the learner was fed.
      paired.add(pairOf(paired.loss, timeOf(known), labels[known]!, live[k]!, answers[k]!));
      if (settled(paired, rule) !== null) return i;
    }
    answers.push(predicted(candidate, i));
  }
  return null;
}

test('a learner with shuffled labels is promoted in none of 200 runs', () => {
  const frozen = begun(labels.slice(0, trainedRows));
  const live = Array.from({ length: compared }, (_, k) => predicted(frozen, trainedRows + k));
  const fed = labels.slice(0, trainedRows + compared);
  const runs = Array.from({ length: 200 }, (_, run) => promoted(live, shuffle([...fed], seeded(run + 1))));
  expect(runs.filter((row) => row !== null)).toEqual([]);
});

test('the same comparison does promote: over a frozen version whose own labels were shuffled', () => {
  const broken = begun(shuffle(labels.slice(0, trainedRows), seeded(1)));
  const live = Array.from({ length: compared }, (_, k) => predicted(broken, trainedRows + k));
  expect(promoted(live, labels)).not.toBeNull();
});
