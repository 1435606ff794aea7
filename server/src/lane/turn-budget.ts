/** A turn that begins with requests that may have waited so long is one of too many, ms. */
const targetMs = 5;
/** Turns may be like that for so long before it is more than a burst, ms. */
const burstMs = 100;
/**
 * But the less it has been since there were too many, the sooner there are again: a moment without any is no end of it,
 * and each new burst would be another queue. Shares of the time since.
 */
const trust = 0.2;
/** How long a turn shall take where there have been too many for longer than that, ms. */
const pressedMs = 12;
/** A turn that takes so long has misjudged what it took on: it takes no more, ms. */
const longMs = 4 * pressedMs;
/** So many requests are taken in any case: a few heavy ones always make a long turn. */
const pressedLeast = 4;
const patientLeast = 16;
/** And of the limit so much where more connections may wait than a turn accepts: the shorter turns are, the sooner those are. */
const crowdedShare = 1 / 8;
/** Costs of an answer that are remembered. */
const remembered = 16;
/** Where requests are held over, each is of so long a work, ms: a call or two by itself says little of the next. */
const workMs = 5;
/** Fewer are no knowledge: the only ones might be of moments when another process had the core. */
const leastKnown = 4;

/**
 * How many requests one turn of the event loop takes on. A lane's queue is what its sockets hold: what a turn reads has
 * waited no longer than the turn before took, and is answered when it ends, so that to bound a turn is to bound the time
 * to answer by two turns. Requests of a library that takes a call a turn are held over to later ones: they count with
 * those that a turn takes on, and have waited as long as the oldest of them. As CoDel has it, a burst is let in and a
 * queue that stays is cut: by then as many are in hand as have been answered in `pressedMs`, by the best of the last
 * of them, for the others may have been held up by another process. Pure: times are arguments, ms.
 * https://queue.acm.org/detail.cfm?id=2209336 https://queue.acm.org/detail.cfm?id=2839461
 */
export class TurnBudget {
  #started = Number.NEGATIVE_INFINITY;
  #begun = 0;
  #held = 0;
  /** Since the last cost was learned, ms and answers. */
  #worked = 0;
  #answered = 0;
  #lateSince = Number.POSITIVE_INFINITY;
  #pressed = false;
  #isCrowded = false;
  #pressedAt = Number.NEGATIVE_INFINITY;
  /** ms an answer. */
  readonly #costs = new Float64Array(remembered).fill(Number.POSITIVE_INFINITY);
  #learned = 0;
  #limit = Number.POSITIVE_INFINITY;

  /** There have been too many requests for longer than a burst. */
  get pressed(): boolean {
    return this.#pressed;
  }

  /** Requests in hand at most while it is pressed; Infinity: not known yet. */
  get limit(): number {
    return this.#limit;
  }

  /**
   * A turn has read its first request. `worked`: since the turn before began, less what was spare of it; `held`: requests
   * of turns before that are not answered; `waited`: longest that one of these, or of those just read, has for the lane;
   * `isCrowded`: more connections may wait than a turn accepts.
   */
  turn(now: number, worked: number, held: number, waited: number, isCrowded: boolean): void {
    this.#answered += this.#held + this.#begun - held;
    this.#worked += worked;
    const isWhole = this.#held === 0 && held === 0;
    if (this.#answered > 0 && (isWhole || this.#worked >= workMs)) {
      this.#learn(this.#worked / this.#answered);
      this.#worked = this.#answered = 0;
    }
    this.#started = now;
    this.#begun = 0;
    this.#held = held;
    this.#isCrowded = isCrowded;
    if (waited < targetMs) {
      this.#lateSince = Number.POSITIVE_INFINITY;
      this.#pressed = false;
    } else {
      this.#lateSince = Math.min(this.#lateSince, now - waited);
      const patience = Math.min(burstMs, trust * (now - this.#pressedAt));
      if (now - this.#lateSince >= patience) this.#pressed = true;
    }
    if (this.#pressed) this.#pressedAt = now;
  }

  /** Whether this turn takes no more on. */
  isSpent(now: number): boolean {
    const elapsed = now - this.#started;
    const limit = this.#isCrowded ? crowdedShare * this.#limit : this.#limit;
    if (this.#pressed && this.#held + this.#begun >= limit) return true;
    return elapsed >= (this.#pressed ? longMs : burstMs) && this.#begun >= patientLeast;
  }

  /** One more request is worked on in this turn. */
  begin(): void {
    this.#begun++;
  }

  #learn(cost: number): void {
    this.#costs[this.#learned++ % remembered] = cost;
    if (this.#learned < leastKnown) return;
    this.#limit = Math.max(pressedLeast, Math.floor(pressedMs / Math.min(...this.#costs)));
  }
}
