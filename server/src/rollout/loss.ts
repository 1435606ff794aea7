import type { Task } from '../signature.ts';
import { unit } from '../stats/confidence-sequence.ts';

/**
 * How wrong one answer is, from 0 to 1.
 * `error`: 1 where the predicted class is not the label. `absolute`: |answer − label| / scale, at most 1.
 * `nearer`: 1 for the arm that is further from the label, 0 for the other; for regression without a known scale.
 */
export type Loss = { kind: 'error' } | { kind: 'absolute'; scale: number } | { kind: 'nearer' };

/** One labelled row that both arms were asked. Losses are whole units of 2^-20. */
export interface Pair {
  /** Event time of the prediction, ms. */
  at: number;
  live: number;
  candidate: number;
  /** 1 for an arm that gave no answer, else 0. */
  liveNone: number;
  candidateNone: number;
}

/** `scale`: a regression's usual spread of labels (the baseline's standard deviation), or null where it is not known. */
export function lossFor(task: Task, scale: number | null): Loss {
  if (task === 'binary' || task === 'multiclass') return { kind: 'error' };
  return scale !== null && scale > 0 && Number.isFinite(scale)
    ? { kind: 'absolute', scale }
    : { kind: 'nearer' };
}

/**
 * `truth`, `live`, `candidate`: class indices, or values for regression. An answer that is not finite is none: an error
 * or a timeout where a caller would have wanted one. It costs as much as the worst answer.
 */
export function pairOf(loss: Loss, at: number, truth: number, live: number, candidate: number): Pair {
  const pair = {
    at,
    liveNone: Number.isFinite(live) ? 0 : 1,
    candidateNone: Number.isFinite(candidate) ? 0 : 1,
  };
  if (loss.kind === 'error') {
    return { ...pair, live: live === truth ? 0 : one, candidate: candidate === truth ? 0 : one };
  }
  const a = distance(live, truth);
  const b = distance(candidate, truth);
  if (loss.kind === 'nearer') return { ...pair, live: a > b ? one : 0, candidate: b > a ? one : 0 };
  return { ...pair, live: scaled(a, loss.scale), candidate: scaled(b, loss.scale) };
}

/** For RolloutView.rule.loss. */
export function lossText(loss: Loss): string {
  if (loss.kind === 'error') return 'share of wrong answers';
  if (loss.kind === 'nearer') return 'share of rows on which it is further from the label than the other';
  return `absolute error as a share of ${Number(loss.scale.toPrecision(4))} (the labels’ standard deviation in training), at most 1`;
}

const one = 1 / unit;

function distance(value: number, truth: number): number {
  const error = Math.abs(value - truth);
  return Number.isNaN(error) ? Infinity : error;
}

function scaled(error: number, scale: number): number {
  return Math.round(Math.min(1, error / scale) * one);
}
