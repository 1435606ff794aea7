import type { RolloutLook, Verdict } from '../api.ts';
import { unit } from '../stats/confidence-sequence.ts';
import type { Loss } from './loss.ts';
import type { Paired, Recent } from './paired.ts';
import { failsMore, mostFailures, type Rule } from './rule.ts';

/** Recent stretches hold at least so many pairs. */
const recentPairs = 2000;
/** A mean loss that has fallen by this much lately is called a recovery. */
const recovery = 0.03;

/** The sentences under a verdict: what was measured, how sure it is, and how it has gone lately. */
export function reasonsOf(paired: Paired, rule: Rule, look: RolloutLook | null, verdict: Verdict): string[] {
  const reasons: string[] = [];
  if (rule.held) reasons.push('It was held by hand: it goes on counting and decides nothing.');
  if (look === null) return [...reasons, 'There is no labelled row yet that both versions were asked.'];
  reasons.push(measured(paired, rule), interval(paired, rule, look, verdict));
  if (paired.total.liveNone + paired.total.candidateNone > 0) reasons.push(failures(paired, rule));
  if (look.pairs < rule.leastPairs)
    reasons.push(`No verdict before ${count(rule.leastPairs)} labelled pairs.`);
  const recent = paired.recent(recentPairs);
  if (recent !== null && recent.pairs < look.pairs) reasons.push(lately(paired, recent, rule));
  return reasons;
}

function measured(paired: Paired, rule: Rule): string {
  const { pairs, live, candidate } = paired.total;
  const since = rule.phase === 'guard' ? 'Since the promotion' : 'So far';
  return (
    `${since}, on the same ${count(pairs)} labelled ${pairs === 1 ? 'row' : 'rows'}, version ${rule.live} ${wrong(paired.loss, (live * unit) / pairs)} ` +
    `and version ${rule.candidate} ${wrong(paired.loss, (candidate * unit) / pairs)}: ` +
    `version ${rule.candidate} is ${compared(((live - candidate) * unit) / pairs)}.`
  );
}

function interval(paired: Paired, rule: Rule, look: RolloutLook, verdict: Verdict): string {
  if (paired.total.squares === 0)
    return 'Not once did their losses differ: there is nothing to choose between them.';
  const sure = `${Number(((1 - rule.alpha) * 100).toFixed(2))} %`;
  const bounds = `The ${sure} interval for that difference is ${signed(look.low)} to ${signed(look.high)} points, valid however often it was looked at`;
  return `${bounds}: ${conclusion(rule, look, verdict)}.`;
}

/** Versions that answer with an error, too late or with no finite number. */
function failures({ total }: Paired, rule: Rule): string {
  const { pairs, liveNone, candidateNone } = total;
  const said =
    `Version ${rule.candidate} gave no answer to ${count(candidateNone)} of these rows (${points(candidateNone / pairs)} %), ` +
    `version ${rule.live} to ${count(liveNone)}; each counts as the worst there is.`;
  if (!failsMore(total)) return said;
  return `${said} A version that fails on over ${points(mostFailures)} % of the rows more is not made live, however right it is on the others.`;
}

function conclusion(rule: Rule, look: RolloutLook, verdict: Verdict): string {
  const margin = rule.margin > 0 ? ` by more than ${points(rule.margin)} points` : '';
  if (verdict === 'promote' || verdict === 'roll back') return `version ${rule.candidate} is better${margin}`;
  if (verdict === 'inconclusive')
    return 'the two are as good as each other, and there is no reason to change';
  if (verdict === 'hold' && !rule.held && look.high < -rule.margin)
    return `version ${rule.candidate} is worse${margin}, and stays in shadow`;
  if (look.high < 0) return `version ${rule.candidate} is worse`;
  if (look.low > rule.margin) return `version ${rule.candidate} is better${margin}`;
  return `not enough to call version ${rule.candidate} better${margin}`;
}

function lately(paired: Paired, recent: Recent, rule: Rule): string {
  const { pairs, candidate } = paired.total;
  const difference = recent.live - recent.candidate;
  const newest = `over the newest ${count(recent.pairs)} of these rows`;
  const overall = (candidate * unit) / pairs;
  if (rule.phase === 'compare' || recent.candidate > overall - recovery) {
    return `Lately, ${newest}, version ${rule.candidate} is ${compared(difference)}.`;
  }
  // What happens to a frozen model when the world turns back.
  return (
    `Version ${rule.candidate} has recovered: ${newest} it ${wrong(paired.loss, recent.candidate)}, over all of them ` +
    `it ${wrong(paired.loss, overall)}. Version ${rule.live} ${wrong(paired.loss, recent.live)} of the newest, so lately ` +
    `version ${rule.candidate} is ${compared(difference)}; what decides is the whole time since the promotion.`
  );
}

function wrong(loss: Loss, mean: number): string {
  if (loss.kind === 'error') return `was wrong on ${points(mean)} %`;
  if (loss.kind === 'nearer') return `was further from the label than the other on ${points(mean)} %`;
  return `was off by ${points(mean)} % of the labels’ standard deviation`;
}

/** A mean loss difference in favour of the one spoken of: "4.1 points better". */
function compared(difference: number): string {
  const size = points(Math.abs(difference));
  if (Number(size) === 0) return 'as good as the other';
  return `${size} points ${difference > 0 ? 'better' : 'worse'}`;
}

/** Hundredths of the whole, with one decimal; smaller ones with two, so that 0.02 is not called 0. */
function points(share: number): string {
  const value = share * 100;
  return value.toFixed(Math.abs(value) < 0.1 ? 2 : 1);
}

/** With a true minus; a bound that only just clears zero is not called 0. */
function signed(share: number): string {
  const text = points(share);
  const shown = Number(text) === 0 && share !== 0 ? String(Number((share * 100).toPrecision(1))) : text;
  return shown.replace('-', '−');
}

function count(n: number): string {
  return n.toLocaleString('en-GB');
}
