import { type ErrorCode, errorTable } from '../errors.ts';
import type { LaneMetrics } from '../messages.ts';

/** How often a model failed lately, for its health. */
export interface Failing {
  /** Requests that the callers were not to blame for, answered or not, and how many of these failed. */
  requests: number;
  failed: number;
  /** What most of those failed with; null: none did. */
  code: string | null;
}

interface Counts {
  answered: number;
  failures: { [code: string]: number };
}

/** What is older is over. */
const windowMs = 600_000;
/** Looks closer together than this need not be told apart. */
const apartMs = 10_000;
/** Whoever was refused these was not asked in vain: lanes and the version have enough to do, and say so elsewhere. */
const refusals: ReadonlySet<string> = new Set<ErrorCode>(['OVERLOADED', 'UPSTREAM_BUSY', 'PYTHON_BUSY']);

/**
 * The lanes only ever count up; what has come in the last ten minutes is the difference to an earlier look. Who looks for
 * the first time sees all since the lanes' start.
 */
export class RecentFailures {
  readonly #looks = new Map<string, (Counts & { at: number })[]>();

  /** `now`: ms, of a clock that never goes back. */
  of(model: string, metrics: LaneMetrics[], now: number): Failing {
    const present = { ...countsOf(model, metrics), at: now };
    const looks = this.#looks.get(model) ?? [{ answered: 0, failures: {}, at: Number.NEGATIVE_INFINITY }];
    this.#looks.set(model, looks);
    // Of those that are too old the newest stays: what is counted since then is the nearest to what is wanted.
    while (looks.length > 1 && looks[1]!.at <= now - windowMs) looks.shift();
    const [before] = looks;
    if (now - looks.at(-1)!.at >= apartMs) looks.push(present);
    return between(before!, present);
  }
}

function between(before: Counts, after: Counts): Failing {
  let [failed, code, most] = [0, null as string | null, 0];
  for (const [name, count] of Object.entries(after.failures)) {
    const more = Math.max(0, count - (before.failures[name] ?? 0));
    failed += more;
    if (more > most) [code, most] = [name, more];
  }
  return { requests: failed + Math.max(0, after.answered - before.answered), failed, code };
}

function countsOf(model: string, metrics: LaneMetrics[]): Counts {
  const counts: Counts = { answered: 0, failures: {} };
  for (const lane of metrics) {
    const one = lane.models.get(model);
    if (!one) continue;
    counts.answered += one.requests;
    for (const [code, count] of Object.entries(one.errors))
      if (isFailure(code)) counts.failures[code] = (counts.failures[code] ?? 0) + count;
  }
  return counts;
}

function isFailure(code: string): boolean {
  return !refusals.has(code) && (errorTable[code as ErrorCode]?.status ?? 0) >= 500;
}
