import { toSlipwayError } from '../errors.ts';
import { keepConnected, type Link } from '../link/link.ts';
import type { ControlToLane, LaneMetrics, LaneToControl } from '../messages.ts';
import type { Snapshot } from '../snapshot.ts';
import type { Served } from './served.ts';

interface Identity {
  role: 'lane' | 'scorer';
  lane: number;
  incarnation: number;
}

/** The line to control: takes snapshots one after another and says when each is warm and current. */
export class ControlLine {
  readonly #identity: Identity;
  readonly #served: Served;
  readonly #metrics: () => LaneMetrics;
  readonly #end: () => void;
  #link: Link<ControlToLane, LaneToControl> | null = null;
  #taking: Promise<void> = Promise.resolve();
  #greeted: (() => void) | null = null;

  constructor(path: string, identity: Identity, served: Served, metrics: () => LaneMetrics) {
    this.#identity = identity;
    this.#served = served;
    this.#metrics = metrics;
    this.#end = keepConnected<ControlToLane, LaneToControl>(
      path,
      (link) => this.#connected(link),
      () => {
        this.#link = null;
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

  close(): void {
    this.#end();
  }

  #connected(link: Link<ControlToLane, LaneToControl>): void {
    this.#link = link;
    link.onMessage = (message) => {
      if (message.type === 'metrics?') link.send({ type: 'metrics', metrics: this.#metrics() });
      else this.#taking = this.#taking.then(() => this.#take(message.snapshot)).then(() => this.#greeted?.());
    };
    link.send({ type: 'hello', ...this.#identity, pid: process.pid });
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
}
