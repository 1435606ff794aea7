import type { Server } from 'node:net';
import type { Position } from '../events.ts';
import { type Link, listen } from '../link/link.ts';
import { News } from '../link/news.ts';
import type { LaneToLoops, LoopsToLane, Update } from '../messages.ts';

interface Lane {
  link: Link<LaneToLoops, LoopsToLane>;
  incarnation: number;
  /** Rang and was not answered yet. */
  rung: boolean;
  /** Highest update served, by model and version. */
  serving: Map<string, number>;
}

/** What every `folded` says besides its position. */
type Facts = Omit<Extract<LoopsToLane, { type: 'folded' }>, 'type' | 'position'>;

/** A lane that does not acknowledge for so long is left to its heartbeat, ms. */
const patienceMs = 5000;

/** The lanes' ends of the line: who rang, and who serves which update. */
export class LaneLines {
  readonly #lanes = new Set<Lane>();
  readonly #onRing: () => void;
  readonly #newest: () => Update[];
  readonly #facts: () => Facts;
  readonly #news = new News();
  #server: Server | null = null;

  /** `newest`: every learner's newest update, for a lane that has just come. */
  constructor(onRing: () => void, newest: () => Update[], facts: () => Facts) {
    this.#onRing = onRing;
    this.#newest = newest;
    this.#facts = facts;
  }

  async open(path: string): Promise<void> {
    this.#server = await listen<LaneToLoops, LoopsToLane>(path, (link) => this.#met(link));
  }

  /** Incarnations that rang and wait for `folded`. */
  rung(): number[] {
    return [...this.#lanes].filter((lane) => lane.rung).map((lane) => lane.incarnation);
  }

  /** Sends updates to all lanes; resolves when every lane that lives serves them. */
  async serve(updates: Update[]): Promise<void> {
    if (updates.length === 0 || this.#lanes.size === 0) return;
    for (const lane of this.#lanes) for (const update of updates) lane.link.send({ type: 'update', update });
    const end = performance.now() + patienceMs;
    while (!this.#served(updates) && performance.now() < end) await this.#news.next(end);
  }

  /** Answers every lane that rang: all up to these positions is folded and in force. */
  folded(positionOf: (incarnation: number) => Position, incarnations: number[]): void {
    for (const lane of this.#lanes) {
      if (!incarnations.includes(lane.incarnation)) continue;
      lane.rung = false;
      lane.link.send({ type: 'folded', position: positionOf(lane.incarnation), ...this.#facts() });
    }
  }

  close(): void {
    this.#server?.close();
    for (const lane of this.#lanes) lane.link.close();
  }

  #met(link: Link<LaneToLoops, LoopsToLane>): void {
    const lane: Lane = { link, incarnation: 0, rung: false, serving: new Map() };
    link.onClose = () => {
      this.#lanes.delete(lane);
      this.#news.tell();
    };
    link.onMessage = (message) => {
      if (message.type === 'hello') {
        lane.incarnation = message.incarnation;
        this.#lanes.add(lane);
        for (const update of this.#newest()) link.send({ type: 'update', update });
        // Its first `folded` tells the lane that it has every update: it need not wait for a batch.
        link.send({ type: 'folded', position: { segment: 0, offset: 0 }, ...this.#facts() });
      } else if (message.type === 'ring') {
        lane.rung = true;
        this.#onRing();
      } else {
        lane.serving.set(`${message.model}/${message.version}`, message.update);
        this.#news.tell();
      }
    };
  }

  #served(updates: Update[]): boolean {
    return [...this.#lanes].every((lane) =>
      updates.every(
        ({ model, version, update }) => (lane.serving.get(`${model}/${version}`) ?? -1) >= update,
      ),
    );
  }
}
