import type { Level } from '../finding.ts';
import { moreOften } from '../stats/hypergeometric.ts';

/** Share of a window that is worth a look, and that is to be acted on; beyond training's share. */
export const lookShare = 0.03;
export const actShare = 0.2;
/** Fewer rows are never a finding, but where training knew one value only. */
export const leastOdd = 5;

export interface OddShare {
  /** Unusual rows so far in the window, of `rows`. */
  count: number;
  rows: number;
  /** How many of the training rows were like that, of `trainingRows`. */
  trained: number;
  trainingRows: number;
}

/**
 * Whether so many unusual rows are news, at any moment of a window. Their share is taken of `leastRows` rows at
 * least. The test is made as if the window were full: `rows` is rounded up to leastRows · 2^j, j ≥ 1, and each
 * of these sizes has its own part of `alpha`. So looking after every row costs nothing: the count can pass the
 * bound of a size at some moment only if it passes it at the end.
 */
export function judgeShare(share: OddShare, leastRows: number, alpha: number): Level | null {
  const { count, rows, trained, trainingRows } = share;
  const excess = count / Math.max(rows, leastRows) - trained / Math.max(1, trainingRows);
  if (count < leastOdd || excess < lookShare) return null;
  let size = 1;
  let full = 2 * leastRows;
  for (; full < rows; full *= 2) size++;
  // Σ 1 / (j (j + 1)) = 1 over the sizes.
  if (moreOften(count, full, trained, trainingRows) > alpha / (size * (size + 1))) return null;
  return excess >= actShare ? 'act' : 'look';
}

/** A feature with one value in training: any other is news at once, and a fifth is more than a slip. */
export function judgeConstant(count: number): Level | null {
  if (count === 0) return null;
  return count >= leastOdd ? 'act' : 'look';
}
