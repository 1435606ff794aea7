/** A turn that begins with requests that may have waited so long is one of too many, ms. */
const targetMs = 5;
/** Turns may be like that for so long before it is more than a burst, ms. */
const burstMs = 100;
/** How long a turn shall take where there have been too many for longer than that, ms. */
const pressedMs = 15;
/** A turn that takes so long has misjudged what it took on: it takes no more, ms. */
const longMs = 4 * pressedMs;
/** So many requests are taken in any case: a few heavy ones always make a long turn. */
const pressedLeast = 4;
const patientLeast = 16;
/** Turns that are remembered. */
const remembered = 16;

/**
 * How many requests one turn of the event loop takes on. A lane's queue is what its sockets hold: what a turn reads has
 * waited no longer than the turn before took, and is answered when it ends, so that to bound a turn is to bound the time
 * to answer by two turns. As CoDel has it, a burst is let in and a queue that stays is cut: by then a turn takes on as
 * many as have been answered in `pressedMs`, by the best of the last turns, for the others may have been held up by
 * another process. Pure: times are arguments, ms.
 * https://queue.acm.org/detail.cfm?id=2209336 https://queue.acm.org/detail.cfm?id=2839461
 */
export class TurnBudget {
  #started = Number.NEGATIVE_INFINITY;
  #begun = 0;
  #lateSince = Number.POSITIVE_INFINITY;
  #pressed = false;
  /** ms a request of the last turns after which others waited. */
  readonly #costs = new Float64Array(remembered).fill(Number.POSITIVE_INFINITY);
  #turns = 0;
  #limit = Number.POSITIVE_INFINITY;

  /** There have been too many requests for longer than a burst. */
  get pressed(): boolean {
    return this.#pressed;
  }

  /** Requests that a turn takes on while it is pressed; Infinity: it has not been yet. */
  get limit(): number {
    return this.#limit;
  }

  /** A turn has read its first request. `waited`: since the turn before began, or 0 where there was time to spare. */
  turn(now: number, waited: number): void {
    if (waited > 0 && this.#begun > 0) this.#learn(waited / this.#begun);
    this.#started = now;
    this.#begun = 0;
    if (waited < targetMs) {
      this.#lateSince = Number.POSITIVE_INFINITY;
      this.#pressed = false;
    } else {
      this.#lateSince = Math.min(this.#lateSince, now - waited);
      if (now - this.#lateSince >= burstMs) this.#pressed = true;
    }
  }

  /** Whether this turn takes no more on. */
  isSpent(now: number): boolean {
    const elapsed = now - this.#started;
    if (this.#pressed && this.#begun >= this.#limit) return true;
    return elapsed >= (this.#pressed ? longMs : burstMs) && this.#begun >= patientLeast;
  }

  /** One more request is worked on in this turn. */
  begin(): void {
    this.#begun++;
  }

  #learn(cost: number): void {
    this.#costs[this.#turns++ % remembered] = cost;
    this.#limit = Math.max(pressedLeast, Math.floor(pressedMs / Math.min(...this.#costs)));
  }
}
