import type { ServedRollout } from '../snapshot.ts';
import type { PairTotals } from './paired.ts';

/** What it takes to decide; every ServedRollout is one. */
export type Rule = Pick<
  ServedRollout,
  'phase' | 'live' | 'candidate' | 'alpha' | 'leastPairs' | 'margin' | 'held'
>;

/** A version that fails on this share of the rows more than the other is not made live, however right it is on the rest. */
export const mostFailures = 0.01;

/** Whether the candidate gives no answer (an error, a timeout, no finite number) too often. */
export function failsMore({ pairs, liveNone, candidateNone }: PairTotals): boolean {
  return candidateNone - liveNone > mostFailures * pairs;
}

export const defaultRule = { alpha: 0.05, leastPairs: 500, margin: 0 } as const;
