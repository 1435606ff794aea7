import type { ServedRollout } from '../snapshot.ts';

/** What it takes to decide; every ServedRollout is one. */
export type Rule = Pick<
  ServedRollout,
  'phase' | 'live' | 'candidate' | 'alpha' | 'leastPairs' | 'margin' | 'held'
>;

export const defaultRule = { alpha: 0.05, leastPairs: 500, margin: 0 } as const;
