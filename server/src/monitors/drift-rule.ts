import type { Level } from '../finding.ts';
import { homogeneity } from '../stats/chi-square.ts';
import { psi, shares } from '../stats/psi.ts';
import type { FeatureBaseline } from './baseline.ts';
import type { FeatureReader } from './feature-reader.ts';

/** The usual reading of PSI: a shift worth a look, and one to act on. */
export const lookPsi = 0.1;
export const actPsi = 0.25;
/** Training stretches beyond this say that the rows were sorted, not that time moved them. */
const mostStretch = 4;
/** Cells of the chi-square test hold at least so many expected rows (Cochran 1954). */
const leastExpected = 5;

/** Null where a window or the training data has no value. */
export interface Measure {
  psi: number | null;
  pValue: number | null;
}

export interface Judgement extends Measure {
  level: Level | null;
}

/** How far one window of one feature lies from its baseline. */
export function measure(
  reader: FeatureReader,
  counts: number[],
): { psi: number | null; pValue: number | null } {
  if (!counts.some((count) => count > 0) || !reader.baselineCounts.some((count) => count > 0)) {
    return { psi: null, pValue: null };
  }
  return {
    psi: psi(reader.baselineShares, shares(counts)),
    pValue: sameDistribution(reader.baselineCounts, counts),
  };
}

/**
 * `level` needs both: a difference that chance does not make (two-sample chi-square below `alpha`, so that the
 * baseline's own sampling error counts) and one that matters: PSI of 0.1 (look) or 0.25 (act), and more than
 * the training data's own stretches of that length differed from the whole (act: twice as much).
 */
export function judge(
  reader: FeatureReader,
  baseline: FeatureBaseline,
  counts: number[],
  alpha: number,
): Judgement {
  const measured = measure(reader, counts);
  if (measured.psi === null || measured.pValue === null || measured.pValue > alpha) {
    return { ...measured, level: null };
  }
  const usual = usualPsi(baseline, counts);
  if (measured.psi >= Math.max(actPsi, 2 * usual)) return { ...measured, level: 'act' };
  if (measured.psi >= Math.max(lookPsi, usual)) return { ...measured, level: 'look' };
  return { ...measured, level: null };
}

/** Largest PSI among the training data's own stretches of about that many rows; 0 where it is not known. */
export function usualPsi(baseline: FeatureBaseline, counts: number[]): number {
  const rows = counts.reduce((sum, count) => sum + count, 0);
  const sizes = baseline.stretches ?? [];
  const fitting = sizes.filter((stretch) => stretch.rows <= rows).at(-1) ?? sizes[0];
  return fitting === undefined || fitting.psi > mostStretch ? 0 : fitting.psi;
}

/** p of the two-sample chi-square test, after joining neighbours until every cell expects at least five rows. */
function sameDistribution(baseline: number[], counts: number[]): number {
  const n = baseline.reduce((sum, count) => sum + count, 0);
  const m = counts.reduce((sum, count) => sum + count, 0);
  const smaller = Math.min(n, m) / (n + m);
  const joined: [number[], number[]] = [[], []];
  let a = 0;
  let b = 0;
  for (let k = 0; k < counts.length; k++) {
    a += baseline[k]!;
    b += counts[k]!;
    if ((a + b) * smaller < leastExpected) continue;
    joined[0].push(a);
    joined[1].push(b);
    a = 0;
    b = 0;
  }
  // What is left at the end joins the last cell.
  if (joined[0].length > 0) {
    joined[0][joined[0].length - 1]! += a;
    joined[1][joined[1].length - 1]! += b;
  }
  return homogeneity(joined).p;
}
