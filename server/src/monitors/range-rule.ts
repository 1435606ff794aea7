import type { Level } from '../finding.ts';
import { moreOften } from '../stats/hypergeometric.ts';

/** Share of a window that is worth a look, and that is to be acted on; beyond training's share. */
export const lookShare = 0.03;
export const actShare = 0.2;
/** Fewer rows are never a finding. */
export const leastOdd = 5;

export interface OddShare {
  /** Unusual rows in the window, of `rows`; it is closed, or goes on. */
  count: number;
  rows: number;
  closed: boolean;
  /** How many of the training rows were like that, of `trainingRows`: as the test counts them, and their share. */
  trained: number;
  trainingRows: number;
  usual: number;
  /** Training had one value only (or none): any other is structural news, however rare. */
  never: boolean;
}

/**
 * Whether so many unusual rows are news, at any moment of a window. Their share is taken of `leastRows` rows at
 * least. Half of `alpha` goes to the closed window, half to looking after every row before: there the test is
 * made as if the window were full, `rows` rounded up to leastRows · 2^j, j ≥ 1, and each of these sizes has its
 * own part. The count can pass the bound of a size at some moment only if it passes it at the end.
 */
export function judgeShare(share: OddShare, leastRows: number, alpha: number): Level | null {
  const { count, rows } = share;
  const excess = count / Math.max(rows, leastRows) - share.usual;
  if (count < leastOdd || (excess < lookShare && !share.never)) return null;
  if (!isNews(share, leastRows, alpha / 2)) return null;
  return share.never || excess >= actShare ? 'act' : 'look';
}

function isNews(share: OddShare, leastRows: number, alpha: number): boolean {
  const { count, rows, trained, trainingRows } = share;
  // Training never had the feature at all: there is nothing to compare with, and five rows with it are news.
  if (trainingRows === 0) return true;
  if (share.closed) return moreOften(count, rows, trained, trainingRows) <= alpha;
  let size = 1;
  let full = 2 * leastRows;
  for (; full < rows; full *= 2) size++;
  // Σ 1 / (j (j + 1)) = 1 over the sizes.
  return moreOften(count, full, trained, trainingRows) <= alpha / (size * (size + 1));
}
