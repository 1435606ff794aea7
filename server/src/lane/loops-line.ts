import { isAfter, type Position } from '../events.ts';
import { keepConnected, type Link } from '../link/link.ts';
import type { LaneToLoops, LoopsToLane } from '../messages.ts';
import type { Served } from './served.ts';

interface Waiter {
  position: Position;
  resolve: () => void;
}

/**
 * Where nobody waits, the loops are rung this often at most, ms: a record by itself costs them a transaction and the
 * lane a message there and one back, and takes the processor from whoever waits for an answer. So rarely, that of a single
 * caller's requests, 10,000 a second, less than one in a hundred meets one.
 */
const paceMs = 50;

/**
 * The line to the loops: rings once when there is news and stays silent until they say how far they have
 * folded; takes learners' updates and says when they are served.
 */
export class LoopsLine {
  /** Labels that wait for a prediction, as last heard, and how many may. */
  waiting = 0;
  waitingLimit = Number.POSITIVE_INFINITY;
  /** Ids older than this (ms) are past retention. */
  oldest = 0;

  readonly #hello: LaneToLoops;
  readonly #served: Served;
  readonly #end: () => void;
  #link: Link<LoopsToLane, LaneToLoops> | null = null;
  #ringing = false;
  #rungAt = Number.NEGATIVE_INFINITY;
  #later: NodeJS.Timeout | null = null;
  /** Up to here there is news; null: all is folded. */
  #newest: Position | null = null;
  #waiters: Waiter[] = [];
  #heard: (() => void) | null = null;

  constructor(path: string, lane: number, incarnation: number, served: Served) {
    this.#hello = { type: 'hello', lane, incarnation };
    this.#served = served;
    this.#end = keepConnected<LoopsToLane, LaneToLoops>(
      path,
      (link) => this.#connected(link),
      () => {
        this.#link = null;
      },
    );
  }

  /** Resolves when the loops have sent every learner's newest update, or after `patienceMs` without them. */
  synced(patienceMs: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, patienceMs);
      this.#heard = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  /** There are new records up to here. */
  written(position: Position): void {
    this.#newest = position;
    this.#ring();
  }

  /** Resolves when all up to the position is folded, and everything that came of it is in force. */
  folded(position: Position): Promise<void> {
    return new Promise((resolve) => {
      this.#waiters.push({ position, resolve });
      this.#ring();
    });
  }

  close(): void {
    clearTimeout(this.#later ?? undefined);
    this.#end();
  }

  #connected(link: Link<LoopsToLane, LaneToLoops>): void {
    this.#link = link;
    this.#ringing = false;
    link.onMessage = (message) => {
      if (message.type === 'update') {
        this.#served.update(message.update);
        const { model, version, update } = message.update;
        link.send({ type: 'serving', model, version, update });
      } else {
        this.#foldedTo(message);
      }
    };
    link.send(this.#hello);
    this.#ring();
  }

  #ring(): void {
    if (this.#ringing || !this.#link || !this.#newest) return;
    if (this.#waiters.length === 0) {
      // The timer is there already at nearly every call.
      if (this.#later) return;
      const left = this.#rungAt + paceMs - performance.now();
      if (left > 0) {
        this.#later = setTimeout(() => {
          this.#later = null;
          this.#ring();
        }, left);
        return;
      }
    }
    this.#ringing = true;
    this.#rungAt = performance.now();
    this.#link.send({ type: 'ring', position: this.#newest });
  }

  #foldedTo(message: Extract<LoopsToLane, { type: 'folded' }>): void {
    this.waiting = message.waiting;
    this.waitingLimit = message.waitingLimit;
    this.oldest = message.oldest;
    this.#ringing = false;
    const reached = this.#waiters.filter((waiter) => !isAfter(waiter.position, message.position));
    this.#waiters = this.#waiters.filter((waiter) => isAfter(waiter.position, message.position));
    for (const waiter of reached) waiter.resolve();
    this.#heard?.();
    this.#heard = null;
    if (this.#newest && isAfter(this.#newest, message.position)) this.#ring();
    else this.#newest = null;
  }
}
