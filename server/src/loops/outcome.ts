import type { LabelEvent, PredictionEvent, RequestId, Role } from '../events.ts';
import {
  answerValue,
  answerWidth,
  classIndex,
  predictedClass,
  type Scored,
  type Signature,
} from '../signature.ts';

/** One version's answer to one labelled row. */
export interface Outcome {
  seq: number;
  model: string;
  id: RequestId;
  row: number;
  version: number;
  role: Role;
  /** The version that answered the caller: tells the phases of a rollout apart. */
  liveVersion: number;
  rollout: string | null;
  update: number;
  /** Event times, ms, of the prediction and of its label. */
  at: number;
  labelAt: number;
  /** Class index, or value. */
  truth: number;
  /** Predicted class index, or value; `noAnswer` where the version failed, or answered no finite number. */
  answer: number;
  correct: boolean | null;
  /** −ln p(truth), natural units, p clipped to [1e-15, 1 − 1e-15]; null for regression. */
  logLoss: number | null;
  /** answer − truth for regression, from −1e100 to 1e100; null for classification, and where there is no answer. */
  error: number | null;
  /** The live row's features, float64 each, where a learner wants them. */
  features: Float64Array | null;
  /** The first label of this row (learners learn it), not a correction. */
  first: boolean;
  /** seq of the outcome that this one corrects. */
  replaces: number | null;
}

/** Further from every truth than any answer: the worst that there is (rollout/loss.ts). A number that state.db holds, as NaN is not. */
export const noAnswer = Number.POSITIVE_INFINITY;

const clip = 1e-15;
/** Larger errors are taken for this one: sums of their squares stay numbers. */
const largestError = 1e100;

/** The label as a class index or a value; null if it is none. */
export function truthOf(signature: Scored, label: LabelEvent['label']): number | null {
  if (signature.classes) {
    const index = classIndex(signature, label);
    return index < 0 ? null : index;
  }
  const value = typeof label === 'number' ? label : Number(label);
  return Number.isFinite(value) ? value : null;
}

/** What a labelled row says of one answer. `live` is the record that answered the caller, `answered` the one judged. */
export function judge(
  live: PredictionEvent,
  answered: PredictionEvent,
  row: number,
  signature: Scored,
  truth: number,
  labelAt: number,
): Omit<Outcome, 'seq' | 'features' | 'first' | 'replaces'> {
  const base = {
    model: live.model,
    id: live.id,
    row,
    version: answered.version,
    role: answered.role,
    liveVersion: live.version,
    rollout: live.rollout,
    update: answered.update,
    at: live.at,
    labelAt,
    truth,
  };
  const none = { ...base, answer: noAnswer, correct: null, logLoss: null, error: null };
  if (answered.failure !== null) return none;
  const from = row * answerWidth(signature) + signature.answer.column;
  if (!signature.classes) {
    const value = answerValue(signature, answered, row);
    if (!Number.isFinite(value)) return none;
    const error = Math.max(-largestError, Math.min(largestError, value - truth));
    return { ...none, answer: value, error };
  }
  const answer = predictedClass(signature, answered.answers, row);
  if (signature.answer.scores)
    return { ...base, answer, correct: answer === truth, logLoss: null, error: null };
  let p = signature.task === 'binary' ? answered.answers[from]! : answered.answers[from + truth]!;
  if (signature.task === 'binary' && truth === 0) p = 1 - p;
  const logLoss = -Math.log(Math.min(1 - clip, Math.max(clip, Number.isNaN(p) ? clip : p)));
  return { ...base, answer, correct: answer === truth, logLoss, error: null };
}

/** One row of a record's column-wise features; null if some are not kept as they were. */
export function featuresOf(live: PredictionEvent, row: number, signature: Signature): Float64Array | null {
  if (live.features.length !== signature.features.length) return null;
  const features = new Float64Array(live.features.length);
  for (let i = 0; i < features.length; i++) {
    if (live.features[i] !== signature.features[i]!.name) return null;
    features[i] = live.values[i * live.rows + row]!;
  }
  return features;
}
