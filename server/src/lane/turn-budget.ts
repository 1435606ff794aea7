/**
 * Shares of how long a request may take because of others (`maxWait`). Who comes during a turn is answered at the end of
 * the next, so that turns of less than half of it are no reason to refuse anybody.
 */
const shares = {
  /** A turn that begins with requests which may have waited for less is on time. */
  late: 0.1,
  /** Turns may be late for so long before it is more than a burst. */
  burst: 2,
  /** There are too many when all that came would take so long … */
  full: 0.4,
  /** … and then a turn takes on what it answers in this, … */
  pressed: 0.24,
  /**
   * … until one is on time or has refused nobody, or, after so long, has seen no more than `full` come. For as long
   * again more than `pressed` are too many.
   */
  again: 100,
  /** A turn that takes so long all the same has misjudged it, and takes no more. */
  misjudged: 1,
  /** Where requests are held over, each cost is of so long a work: a call or two by itself says little of the next. */
  work: 0.1,
};
/**
 * The less it has been since there were too many, the sooner there are again: a moment without any is no end of it, and
 * each new burst would be another queue. Share of the time since.
 */
const trust = 0.2;
/** So many requests are taken in any case: a few heavy ones always make a long turn. */
const pressedLeast = 4;
const patientLeast = 16;
/** And of the limit so much where more connections may wait than a turn accepts: the shorter turns are, the sooner those are. */
const crowdedShare = 1 / 8;
/** Costs of an answer that are remembered. */
const remembered = 16;
/** Fewer are no knowledge: the only ones might be of moments when another process had the core. */
const leastKnown = 4;

/** What is known of a turn when it has read its first request. */
export interface TurnStart {
  /** ms. */
  now: number;
  /** Since the turn before began, less what was spare of it, ms. */
  worked: number;
  /** Requests of turns before that are not answered, since a library takes a call a turn. */
  held: number;
  /** That have come and are not read yet. */
  unread: number;
  /** Longest that one of the held, or of those just read, has for the lane, ms. */
  waited: number;
  /** More connections may wait than a turn accepts. */
  isCrowded: boolean;
}

/**
 * How many requests one turn of the event loop takes on. A lane's queue is what its sockets hold: what a turn reads has
 * waited no longer than the turn before took, and is answered when it ends, so that to bound a turn is to bound the time
 * to answer by two turns. Requests of a library that takes a call a turn are held over to later ones: they count with
 * those that a turn takes on, and have waited as long as the oldest of them. As CoDel has it, a burst is let in and a
 * queue that stays is cut, but only one that is too long: callers who each wait for their answer make every turn late,
 * and as long as all of them are answered in time there is nobody to refuse. What an answer costs is the best of the
 * last turns', for the others may have been held up by another process. Pure: times are arguments.
 * https://queue.acm.org/detail.cfm?id=2209336 https://queue.acm.org/detail.cfm?id=2839461
 */
export class TurnBudget {
  readonly #maxWait: number;
  #started = Number.NEGATIVE_INFINITY;
  #begun = 0;
  #refused = 0;
  #held = 0;
  /** Since the last cost was learned, ms and answers. */
  #worked = 0;
  #answered = 0;
  #lateSince = Number.POSITIVE_INFINITY;
  #pressed = false;
  #isCrowded = false;
  /** When it became so, and when it was last. */
  #pressedSince = Number.NEGATIVE_INFINITY;
  #pressedAt = Number.NEGATIVE_INFINITY;
  /** ms an answer. */
  readonly #costs = new Float64Array(remembered).fill(Number.POSITIVE_INFINITY);
  #learned = 0;
  /** Requests: more that came are too many, and in hand at most then. */
  #full = Number.POSITIVE_INFINITY;
  #limit = Number.POSITIVE_INFINITY;

  /** `maxWait`: how long a request may take because of others, ms. */
  constructor(maxWait: number) {
    this.#maxWait = maxWait;
  }

  /** There have been too many requests for longer than a burst. */
  get pressed(): boolean {
    return this.#pressed;
  }

  /** Requests in hand at most while it is pressed; Infinity: not known yet. */
  get limit(): number {
    return this.#limit;
  }

  /** A turn has read its first request. */
  turn({ now, worked, held, unread, waited, isCrowded }: TurnStart): void {
    const came = this.#held + this.#begun + this.#refused + unread;
    const isRefusing = this.#refused > 0 || unread > 0;
    this.#answered += this.#held + this.#begun - held;
    this.#worked += worked;
    const isWhole = this.#held === 0 && held === 0;
    if (this.#answered > 0 && (isWhole || this.#worked >= shares.work * this.#maxWait)) {
      this.#learn(this.#worked / this.#answered);
      this.#worked = this.#answered = 0;
    }
    this.#started = now;
    this.#begun = this.#refused = 0;
    this.#held = held;
    this.#isCrowded = isCrowded;
    const isLate = waited >= shares.late * this.#maxWait;
    this.#lateSince = isLate ? Math.min(this.#lateSince, now - waited) : Number.POSITIVE_INFINITY;
    const again = shares.again * this.#maxWait;
    if (!isLate) this.#pressed = false;
    else if (this.#pressed) {
      this.#pressed = isRefusing;
      if (came <= this.#full && !isCrowded && now - this.#pressedSince >= again) {
        this.#pressed = false;
        this.#pressedAt = Number.NEGATIVE_INFINITY;
      }
    } else {
      const most = now - this.#pressedAt < again ? this.#limit : this.#full;
      // Of those whose connections wait to be accepted nothing is known.
      const isFull = isCrowded || came > most;
      const patience = Math.min(shares.burst * this.#maxWait, trust * (now - this.#pressedAt));
      this.#pressed = isFull && now - this.#lateSince >= patience;
      if (this.#pressed) this.#pressedSince = now;
    }
    if (this.#pressed) this.#pressedAt = now;
  }

  /** Whether this turn takes no more on. */
  isSpent(now: number): boolean {
    const elapsed = now - this.#started;
    const limit = this.#isCrowded ? crowdedShare * this.#limit : this.#limit;
    if (this.#pressed && this.#held + this.#begun >= limit) return true;
    const longest = (this.#pressed ? shares.misjudged : shares.burst) * this.#maxWait;
    return elapsed >= longest && this.#begun >= patientLeast;
  }

  /** One more request is worked on in this turn. */
  begin(): void {
    this.#begun++;
  }

  /** One more has come in it, and is refused. */
  refuse(): void {
    this.#refused++;
  }

  #learn(cost: number): void {
    this.#costs[this.#learned++ % remembered] = cost;
    if (this.#learned < leastKnown) return;
    const pace = this.#maxWait / Math.min(...this.#costs);
    this.#full = Math.max(pressedLeast, Math.floor(shares.full * pace));
    this.#limit = Math.max(pressedLeast, Math.floor(shares.pressed * pace));
  }
}
