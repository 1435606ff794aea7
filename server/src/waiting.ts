import { SlipwayError } from './errors.ts';
import type { Span, Trace } from './trace.ts';

/** Who waits for an answer, as far as it matters to whoever works on it. */
export interface Waiting {
  /** `performance.now()` after which nobody waits for the answer; Infinity: none. */
  readonly deadline: number;
  /** What is told to whoever is asked on its behalf; null: it came without one. */
  readonly trace: Trace | null;
  /** Where the time that it takes is recorded; null: nowhere. */
  readonly span: Span | null;
  readonly cancellation: Cancellation;
}

/** Whether the caller still waits. */
export interface Cancellation {
  /** It has gone: its connection is closed, or it said so. */
  readonly cancelled: boolean;
  /** Calls back once if it goes before its answer has left. */
  whenCancelled(then: () => void): void;
}

/** Waits for as long as it takes. */
export const nobody: Waiting = {
  deadline: Number.POSITIVE_INFINITY,
  trace: null,
  span: null,
  cancellation: { cancelled: false, whenCancelled: () => {} },
};

/**
 * Of several who wait for one thing: cancelled when they all are. A class and no literal: to each literal with a getter
 * V8 gives a hidden class of its own, which keeps it, and all that it knows, until the next full garbage collection.
 */
export class AllOf implements Cancellation {
  readonly #cancellations: Cancellation[];

  constructor(cancellations: Cancellation[]) {
    this.#cancellations = cancellations;
  }

  get cancelled(): boolean {
    return this.#cancellations.every(({ cancelled }) => cancelled);
  }

  whenCancelled(then: () => void): void {
    let left = this.#cancellations.length;
    for (const one of this.#cancellations) {
      one.whenCancelled(() => {
        left--;
        if (left === 0) then();
      });
    }
  }
}

/** Nobody is there to read it; it is counted. */
export function cancelled(): SlipwayError {
  return new SlipwayError('CANCELLED', 'Its caller has gone.');
}
