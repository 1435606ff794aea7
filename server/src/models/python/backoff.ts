/** When what ended is started again, ms. */
export interface Pauses {
  first: number;
  longest: number;
  /** What has run so long has recovered. */
  steady: number;
}

export const usualPauses: Pauses = { first: 100, longest: 30_000, steady: 60_000 };

/** Exponential back-off: each end in a row doubles the pause before the next start. Time (ms, rising) is an argument. */
export class Backoff {
  readonly #pauses: Pauses;
  #startedAt: number | null = null;
  /** Ends in a row. */
  ends = 0;

  constructor(pauses: Pauses) {
    this.#pauses = pauses;
  }

  started(now: number): void {
    this.#startedAt = now;
  }

  /** The pause before the next start. */
  ended(now: number): number {
    if (this.hasRecovered(now)) this.ends = 0;
    this.#startedAt = null;
    this.ends++;
    return Math.min(this.#pauses.longest, this.#pauses.first * 2 ** Math.min(30, this.ends - 1));
  }

  hasRecovered(now: number): boolean {
    return this.#startedAt !== null && now - this.#startedAt >= this.#pauses.steady;
  }
}
