import { type ELDHistogram, monitorEventLoopDelay } from 'node:perf_hooks';
import type { TurnTimes } from '../messages.ts';

/** Figures are of so long at least, and of the time since the last reading where nobody has looked for longer, ms. */
const windowMs = 60_000;
/** The first turns are let go, ms. */
const settleMs = 1000;
/** After so long a new window says enough by itself, ms. */
const youngMs = 10_000;

/**
 * How long the turns of this process's event loop take: for so long everybody waits, whatever it does, and be it
 * for the machine. Costs a third of a microsecond a turn, and nothing while there are none.
 */
export class TurnClock {
  readonly #histogram: ELDHistogram = monitorEventLoopDelay({ samplePerIteration: true });
  #since = Number.POSITIVE_INFINITY;
  #last: TurnTimes | null = null;

  /** From the next turn on: a turn in which a process starts keeps nobody waiting. */
  start(): void {
    setImmediate(() => {
      this.#histogram.enable();
      // What it says of the first turn has the time in it that the loop was idle before.
      setTimeout(() => {
        this.#histogram.reset();
        this.#since = performance.now();
      }, settleMs).unref();
    });
  }

  /** `now`: performance.now(). */
  read(now: number): TurnTimes {
    const elapsed = now - this.#since;
    const present = this.#figures();
    const read = elapsed < youngMs && this.#last ? worst(this.#last, present) : present;
    if (elapsed >= windowMs) {
      this.#last = present;
      this.#histogram.reset();
      this.#since = now;
    }
    return read;
  }

  #figures(): TurnTimes {
    const histogram = this.#histogram;
    if (histogram.count === 0) return { p50: 0, p99: 0, max: 0 };
    const of = (share: number): number => histogram.percentile(share) / 1e9;
    return { p50: of(50), p99: of(99), max: histogram.max / 1e9 };
  }
}

function worst(a: TurnTimes, b: TurnTimes): TurnTimes {
  return { p50: a.p50, p99: a.p99, max: Math.max(a.max, b.max) };
}
