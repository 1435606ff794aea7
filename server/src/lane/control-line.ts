import { SlipwayError, toSlipwayError } from '../errors.ts';
import { keepConnected, type Link } from '../link/link.ts';
import type { ControlToLane, LaneMetrics, LaneQuestion, LaneToControl } from '../messages.ts';
import type { Snapshot } from '../snapshot.ts';
import { applyChange } from '../snapshot-change.ts';
import type { Served } from './served.ts';

interface Identity {
  role: 'lane';
  lane: number;
  incarnation: number;
}

/** Control answers in less, or is gone: its own patience with lanes is 10 s, ms. */
const answerMs = 15_000;

interface Waiter {
  resolve: (value: unknown) => void;
  reject: (error: SlipwayError) => void;
}

/**
 * The line to control: takes snapshots one after another and says when each is warm and current; asks what only
 * control knows on behalf of a caller.
 */
export class ControlLine {
  readonly #identity: Identity;
  readonly #served: Served;
  readonly #metrics: () => LaneMetrics;
  readonly #end: () => void;
  #link: Link<ControlToLane, LaneToControl> | null = null;
  /** The newest that this lane has read or heard of, served or refused. */
  #held: Snapshot | null;
  #taking: Promise<void> = Promise.resolve();
  #greeted: (() => void) | null = null;
  readonly #asked = new Map<number, Waiter>();
  #questions = 0;

  /** `held`: the snapshot that this lane began with. */
  constructor(
    path: string,
    identity: Identity,
    served: Served,
    held: Snapshot | null,
    metrics: () => LaneMetrics,
  ) {
    this.#identity = identity;
    this.#served = served;
    this.#held = held;
    this.#metrics = metrics;
    this.#end = keepConnected<ControlToLane, LaneToControl>(
      path,
      (link) => this.#connected(link),
      () => {
        this.#link = null;
        for (const number of this.#asked.keys()) this.#answered(number, away(), null);
      },
    );
  }

  /** Resolves when the snapshot that control names first is taken, or after `patienceMs` without one. */
  greeted(patienceMs: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, patienceMs);
      this.#greeted = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  /** Throws what control throws, or CONTROL_AWAY. */
  ask(question: LaneQuestion, patienceMs = answerMs): Promise<unknown> {
    const link = this.#link;
    if (!link) return Promise.reject(away());
    const number = ++this.#questions;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => this.#answered(number, away(), null), patienceMs);
      const settled =
        <T>(settle: (value: T) => void) =>
        (value: T) => {
          clearTimeout(timer);
          settle(value);
        };
      this.#asked.set(number, { resolve: settled(resolve), reject: settled(reject) });
      link.send({ type: 'ask', number, question });
    });
  }

  close(): void {
    this.#end();
  }

  #connected(link: Link<ControlToLane, LaneToControl>): void {
    this.#link = link;
    link.onMessage = (message) => {
      if (message.type === 'metrics?') link.send({ type: 'metrics', metrics: this.#metrics() });
      else if (message.type === 'answer') {
        this.#answered(message.number, message.error && toSlipwayError(message.error), message.value);
      } else {
        const snapshot = applyChange(this.#held, message.change);
        this.#held = snapshot;
        // What it belongs to was missed: the next greeting brings all.
        if (!snapshot) link.close();
        else this.#taking = this.#taking.then(() => this.#take(snapshot)).then(() => this.#greeted?.());
      }
    };
    link.send({ type: 'hello', ...this.#identity, pid: process.pid, snapshot: this.#held?.number ?? 0 });
    if (this.#served.number > 0) link.send({ type: 'serving', snapshot: this.#served.number });
  }

  async #take(snapshot: Snapshot): Promise<void> {
    try {
      await this.#served.take(snapshot);
      this.#link?.send({ type: 'serving', snapshot: this.#served.number });
    } catch (thrown) {
      const { message } = toSlipwayError(thrown);
      this.#link?.send({ type: 'refused', snapshot: snapshot.number, message });
    }
  }

  #answered(number: number, error: SlipwayError | null, value: unknown): void {
    const waiter = this.#asked.get(number);
    this.#asked.delete(number);
    if (error) waiter?.reject(error);
    else waiter?.resolve(value);
  }
}

function away(): SlipwayError {
  return new SlipwayError('CONTROL_AWAY', 'Control does not answer at the moment.');
}
