import type { RolloutLook, Verdict } from '../api.ts';
import { exceeds } from '../stats/confidence-sequence.ts';
import type { Paired } from './paired.ts';
import { reasonsOf } from './reasons.ts';
import { failsMore, type Rule } from './rule.ts';

export { defaultRule, type Rule } from './rule.ts';

/** Mean loss differences nearer to 0 than this are no reason to change anything. */
export const tooCloseToMatter = 0.01;

export interface Decision {
  verdict: Verdict;
  /** Plain sentences with the numbers. */
  reasons: string[];
  /** The confidence sequence that it rests on; null before the first pair. */
  look: RolloutLook | null;
  /** One sentence: what happens next and when. */
  next: string;
}

/**
 * What a rollout says after these pairs. Pure: the same set of pairs and the same rule give the same decision.
 * The difference is the mean of loss(live) − loss(candidate); its interval [low, high] is a confidence sequence
 * over the whole phase, so the chance of ever promoting a candidate that is not better than the margin is at
 * most alpha / 2, however often it is asked; likewise for rolling back a promoted version that the former one
 * does not beat.
 *
 * - `promote` (phase compare), `roll back` (phase guard): at least `leastPairs`, low > margin, and the candidate
 *   does not fail more (`failsMore`).
 * - `hold`: held by hand; or (compare) at least `leastPairs`, and high < −margin: the candidate is worse; or it
 *   fails more.
 * - `inconclusive` (compare): at least `leastPairs`, and −w < low, high < w with w the larger of margin and
 *   0.01: the two are as good as each other. It goes on counting.
 * - `continue`: all else.
 */
export function decide(paired: Paired, rule: Rule): Decision {
  const look = paired.look(rule.alpha);
  const verdict = verdictOf(paired, rule, look);
  return { verdict, reasons: reasonsOf(paired, rule, look, verdict), look, next: nextOf(rule, verdict) };
}

/**
 * Whether `decide` would change what is live, for a microsecond instead of its fifty: to be asked after every
 * pair, so that the row that decides does not depend on how pairs come in batches.
 */
export function settled(paired: Paired, rule: Rule): 'promote' | 'roll back' | null {
  if (rule.held || paired.pairs < rule.leastPairs || failsMore(paired.total)) return null;
  if (!exceeds(paired.sums, rule.margin, rule.alpha)) return null;
  return rule.phase === 'compare' ? 'promote' : 'roll back';
}

function verdictOf(paired: Paired, rule: Rule, look: RolloutLook | null): Verdict {
  const change = settled(paired, rule);
  if (change !== null) return change;
  if (rule.held) return 'hold';
  if (look === null || look.pairs < rule.leastPairs || rule.phase === 'guard') return 'continue';
  if (look.high < -rule.margin || failsMore(paired.total)) return 'hold';
  const within = Math.max(rule.margin, tooCloseToMatter);
  return look.low > -within && look.high < within ? 'inconclusive' : 'continue';
}

/** What comes next where a person holds it. */
export const heldNext = 'It counts on and decides nothing until it is released.';

function nextOf(rule: Rule, verdict: Verdict): string {
  const live = `version ${rule.live}`;
  const candidate = `version ${rule.candidate}`;
  const bar = rule.margin > 0 ? `${Number((rule.margin * 100).toPrecision(3))} points` : 'zero';
  const enough = `after at least ${rule.leastPairs} labelled pairs, with an interval that lies above ${bar}`;
  if (verdict === 'promote')
    return `Now ${candidate} goes live, and ${live} goes on answering in shadow as its guard.`;
  if (verdict === 'roll back') return `Now ${candidate} goes live again.`;
  if (rule.held) return heldNext;
  if (rule.phase === 'guard')
    return `It goes back to ${candidate} by itself, should that prove better: ${enough}.`;
  if (verdict === 'hold')
    return `${live} stays live and ${candidate} in shadow; end the rollout, or deploy a better candidate.`;
  return `It promotes ${candidate} by itself once that is proven better: ${enough}.`;
}
