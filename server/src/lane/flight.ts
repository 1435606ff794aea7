import { SlipwayError, toSlipwayError } from '../errors.ts';
import { type Cancellation, cancelled, type Waiting } from '../waiting.ts';
import type { AnswerCache } from './answer-cache.ts';
import { type Arm, enter, leave } from './arm.ts';

/** A request whose rows are being answered for another. Exactly one of the three is called. */
export interface Follower {
  waiting: Waiting;
  /** Valid until it returns. */
  done(answers: Float64Array, texts: string[]): void;
  /** The other's call came to nothing because of its caller: this one is to ask by itself. */
  again(): void;
  failed(thrown: unknown): void;
}

/** Requests that wait for one call, at most: as many as wait for one version where calls are merged. */
export const mostFollowers = 1000;
/** Longer than that a timer cannot wait, ms. */
const longestTimer = 2 ** 31 - 1;

/**
 * A call of a model that is being made, for all who ask for the same rows meanwhile: it is the model's to give up only
 * when all of them have gone. A class and no literal: see AllOf.
 */
export class Flight implements Cancellation {
  readonly #arm: Arm;
  readonly #cache: AnswerCache;
  readonly #key: string;
  readonly #first: Cancellation;
  readonly #followers = new Map<Follower, NodeJS.Timeout | null>();
  #given: (() => void)[] = [];

  /** `first`: of the request that makes the call. */
  constructor(arm: Arm, cache: AnswerCache, key: string, first: Cancellation) {
    this.#arm = arm;
    this.#cache = cache;
    this.#key = key;
    this.#first = first;
    cache.flights.set(key, this);
  }

  get size(): number {
    return this.#followers.size;
  }

  /** Who follows and has gone is told so and follows no more. */
  get cancelled(): boolean {
    return this.#first.cancelled && this.#followers.size === 0;
  }

  whenCancelled(then: () => void): void {
    if (this.#given.push(then) === 1) this.#first.whenCancelled(this.#look);
  }

  join(follower: Follower): void {
    enter(this.#arm);
    const { deadline, cancellation } = follower.waiting;
    const left = deadline - performance.now();
    const late = (): void => this.#drop(follower, tooLate());
    this.#followers.set(follower, left > longestTimer ? null : setTimeout(late, left));
    cancellation.whenCancelled(() => this.#drop(follower, cancelled()));
  }

  /** The call is answered. */
  land(answers: Float64Array, texts: string[]): void {
    this.#end((follower) => follower.done(answers, texts));
  }

  /** The call has failed. */
  fail(thrown: unknown): void {
    const { code } = toSlipwayError(thrown);
    const isItsCallers = code === 'TIMEOUT' || code === 'CANCELLED';
    this.#end((follower) => (isItsCallers ? follower.again() : follower.failed(thrown)));
  }

  #end(settle: (follower: Follower) => void): void {
    if (this.#cache.flights.get(this.#key) === this) this.#cache.flights.delete(this.#key);
    for (const follower of [...this.#followers.keys()]) this.#settle(follower, settle);
  }

  #drop(follower: Follower, error: SlipwayError): void {
    if (!this.#followers.has(follower)) return;
    this.#settle(follower, () => follower.failed(error));
    this.#look();
  }

  /** What goes wrong with one request's answer is its own. */
  #settle(follower: Follower, settle: (follower: Follower) => void): void {
    const timer = this.#followers.get(follower);
    if (timer) clearTimeout(timer);
    this.#followers.delete(follower);
    try {
      settle(follower);
    } catch (thrown) {
      follower.failed(thrown);
    }
    leave(this.#arm);
  }

  readonly #look = (): void => {
    if (!this.cancelled) return;
    for (const then of this.#given.splice(0)) then();
  };
}

function tooLate(): SlipwayError {
  return new SlipwayError(
    'TIMEOUT',
    'The same rows were being answered for another request, for longer than this one may wait.',
  );
}
