import { SlipwayError } from '../errors.ts';
import type { AdmissionMetrics } from '../messages.ts';
import { TurnBudget } from './turn-budget.ts';

/** Made once: to refuse must cost little. */
export const overloaded = new SlipwayError(
  'OVERLOADED',
  'This lane has more requests than it can answer in time.',
);

/** The event loop that has waited for so long since its last turn had time to spare, ms. */
const spareMs = 0.5;

/** A request that waits for a library in this process. */
export interface Held {
  /** It might have been worked on since then, `performance.now()`. */
  readonly since: number;
}

/**
 * Whether this lane takes more predictions on, whatever edge they come by. Asked twice: with a request's head, so that
 * one more than can be answered in time is refused before its body is looked at; and when the work on it begins, which
 * may be turns later.
 */
export class Admission {
  readonly #budget: TurnBudget;
  /** The oldest first. */
  readonly #held = new Set<Held>();
  readonly #mostAccepted: number;
  readonly #unread: () => number;
  /** Connections, in this turn. */
  #accepted = 0;
  /** Since then every turn has accepted all that it could: more may wait, unseen. */
  #crowdedSince = Number.POSITIVE_INFINITY;
  #isOpen = false;
  #started = performance.now();
  #idle = 0;
  #refused = 0;
  #waited = 0;

  /**
   * `maxWait`: how long a request may take because of others, ms; `mostAccepted`: connections that a turn accepts at
   * most; `unread`: those of which something has come that no turn has had time to read.
   */
  constructor(maxWait: number, mostAccepted: number, unread: () => number) {
    this.#budget = new TurnBudget(maxWait);
    this.#mostAccepted = mostAccepted;
    this.#unread = unread;
  }

  /** One more is accepted. `now`: performance.now(). */
  connects(now: number): void {
    if (!this.#isOpen) this.#open(now);
    this.#accepted++;
  }

  /** Whether there is no room for one more. `now`: performance.now(). */
  isFull(now: number): boolean {
    if (!this.#isOpen) this.#open(now);
    return this.#budget.isSpent(now);
  }

  /** Whether there is room for one more, which is taken by it. */
  begins(now: number): boolean {
    if (this.isFull(now)) return false;
    this.#budget.begin();
    return true;
  }

  /** It is not answered in the turn that has begun it. */
  hold(held: Held): void {
    this.#held.add(held);
  }

  /** It is answered, or will not be. */
  release(held: Held): void {
    this.#held.delete(held);
  }

  /** One more is refused, and this is what it is told. */
  refuses(): SlipwayError {
    this.#refused++;
    this.#budget.refuse();
    return overloaded;
  }

  read(): AdmissionMetrics {
    const { pressed, limit } = this.#budget;
    return {
      refused: this.#refused,
      pressed,
      waited: this.#waited / 1000,
      limit: Number.isFinite(limit) ? limit : null,
    };
  }

  #open(now: number): void {
    this.#isOpen = true;
    setImmediate(this.#close);
    const idle = performance.nodeTiming.idleTime;
    const elapsed = now - this.#started;
    const spare = idle - this.#idle;
    const [oldest] = this.#held;
    const isCrowded = this.#accepted >= this.#mostAccepted;
    this.#accepted = 0;
    this.#crowdedSince = isCrowded ? Math.min(this.#crowdedSince, this.#started) : Number.POSITIVE_INFINITY;
    // With time to spare, whoever waits does not wait for the lane.
    this.#waited =
      spare > spareMs ? 0 : Math.max(elapsed, now - (oldest?.since ?? now), now - this.#crowdedSince, 0);
    this.#budget.turn({
      now,
      worked: elapsed - spare,
      held: this.#held.size,
      unread: this.#unread(),
      waited: this.#waited,
      isCrowded,
    });
    this.#started = now;
    this.#idle = idle;
  }

  readonly #close = (): void => {
    this.#isOpen = false;
  };
}
