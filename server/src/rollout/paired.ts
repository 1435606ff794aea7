import type { RolloutLook } from '../api.ts';
import { type PairedSums, pairedDifference, unit } from '../stats/confidence-sequence.ts';
import type { Loss, Pair } from './loss.ts';

/** Sums over the pairs of one slice of event time, and over all. Losses in units of 2^-20. */
export interface PairTotals {
  pairs: number;
  live: number;
  candidate: number;
  /** Σ d², each rounded up to whole units; d = live − candidate. */
  squares: number;
  /** Pairs without an answer of the arm's. */
  liveNone: number;
  candidateNone: number;
}

/** The newest stretch of event time, for reasons. Mean losses, 0 to 1. */
export interface Recent {
  from: number;
  to: number;
  pairs: number;
  live: number;
  candidate: number;
}

/** Slices of event time kept for the picture and the recent stretch. */
const mostSlices = 200;
/** Narrowest slice, ms. */
const narrowest = 1000;

/**
 * The pairs of one phase of a rollout, folded. The state is a function of the set of pairs alone, whatever the
 * order of adding them, and whatever they were before a correction. Slices hold whole multiples of `width` ms of event
 * time; the width is the least 1000 · 2^k ms that fills at most 200 slices.
 */
export class Paired {
  readonly loss: Loss;
  readonly total: PairTotals = noPairs();
  #width = narrowest;
  #slices = new Map<number, PairTotals>();
  #newest = Number.NEGATIVE_INFINITY;

  constructor(loss: Loss) {
    this.loss = loss;
  }

  get pairs(): number {
    return this.total.pairs;
  }

  add(pair: Pair): void {
    this.#count(pair, 1);
    if (pair.at > this.#newest) this.#newest = pair.at;
    while (this.#slices.size > mostSlices) this.#widen();
  }

  /** A pair that was added as `before` has another label now; its time is the same. */
  correct(before: Pair, now: Pair): void {
    this.#count(before, -1);
    this.#count(now, 1);
  }

  /** What the confidence sequence rests on: the sum of live − candidate. */
  get sums(): PairedSums {
    return sumsOf(this.total);
  }

  /** The confidence sequence now, or null before the first pair. */
  look(alpha: number): RolloutLook | null {
    return this.pairs === 0 ? null : lookAt(this.total, this.#newest, alpha);
  }

  /** What each end of a slice of event time showed, oldest first; at most 200. The last one is `look`. */
  looks(alpha: number): RolloutLook[] {
    const running = noPairs();
    return this.#ordered().map(([slice, totals]) => {
      addTotals(running, totals);
      return lookAt(running, Math.min(this.#newest, (slice + 1) * this.#width), alpha);
    });
  }

  /** The newest slices that hold at least `least` pairs, or all of them. */
  recent(least = 2000): Recent | null {
    if (this.pairs === 0) return null;
    const sum = noPairs();
    let from = 0;
    for (const [slice, totals] of this.#ordered().reverse()) {
      if (sum.pairs >= least) break;
      addTotals(sum, totals);
      from = slice * this.#width;
    }
    return {
      from,
      to: this.#newest,
      pairs: sum.pairs,
      live: (sum.live * unit) / sum.pairs,
      candidate: (sum.candidate * unit) / sum.pairs,
    };
  }

  #count(pair: Pair, times: 1 | -1): void {
    const slice = Math.floor(pair.at / this.#width);
    let totals = this.#slices.get(slice);
    if (totals === undefined) {
      totals = noPairs();
      this.#slices.set(slice, totals);
    }
    const difference = pair.live - pair.candidate;
    const one: PairTotals = {
      pairs: 1,
      live: pair.live,
      candidate: pair.candidate,
      squares: Math.ceil(difference * difference * unit),
      liveNone: pair.liveNone,
      candidateNone: pair.candidateNone,
    };
    addTotals(totals, one, times);
    addTotals(this.total, one, times);
  }

  #widen(): void {
    this.#width *= 2;
    const wider = new Map<number, PairTotals>();
    for (const [slice, totals] of this.#slices) {
      const kept = wider.get(Math.floor(slice / 2));
      if (kept === undefined) wider.set(Math.floor(slice / 2), totals);
      else addTotals(kept, totals);
    }
    this.#slices = wider;
  }

  #ordered(): [number, PairTotals][] {
    return [...this.#slices].sort(([a], [b]) => a - b);
  }
}

function noPairs(): PairTotals {
  return { pairs: 0, live: 0, candidate: 0, squares: 0, liveNone: 0, candidateNone: 0 };
}

function addTotals(to: PairTotals, more: PairTotals, times = 1): void {
  to.pairs += times * more.pairs;
  to.live += times * more.live;
  to.candidate += times * more.candidate;
  to.squares += times * more.squares;
  to.liveNone += times * more.liveNone;
  to.candidateNone += times * more.candidateNone;
}

function sumsOf(totals: PairTotals): PairedSums {
  return { pairs: totals.pairs, sum: totals.live - totals.candidate, squares: totals.squares };
}

function lookAt(totals: PairTotals, at: number, alpha: number): RolloutLook {
  return { pairs: totals.pairs, at, ...pairedDifference(sumsOf(totals), alpha) };
}
