import type { RolloutLook, Verdict } from '../api.ts';
import type { ServedRollout } from '../snapshot.ts';
import type { Paired } from './paired.ts';

/** What it takes to decide; every ServedRollout is one. */
export type Rule = Pick<
  ServedRollout,
  'phase' | 'live' | 'candidate' | 'alpha' | 'leastPairs' | 'margin' | 'held'
>;

export const defaultRule = { alpha: 0.05, leastPairs: 500, margin: 0 } as const;

export interface Decision {
  verdict: Verdict;
  /** Plain sentences with the numbers. */
  reasons: string[];
  /** The confidence sequence that it rests on; null before the first pair. */
  look: RolloutLook | null;
  /** One sentence: what happens next and when. */
  next: string;
}

/** What a rollout says after these pairs. Pure: the same pairs and rule give the same verdict. */
export function decide(paired: Paired, rule: Rule): Decision {
  const look = paired.look(rule.alpha);
  if (look === null) return { verdict: 'continue', reasons: ['No labelled pairs yet.'], look, next: '' };
  const decided = look.pairs >= rule.leastPairs && !rule.held && look.low > rule.margin;
  return {
    verdict: decided ? (rule.phase === 'compare' ? 'promote' : 'roll back') : 'continue',
    reasons: [],
    look,
    next: '',
  };
}
