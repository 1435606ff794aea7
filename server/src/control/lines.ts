import type { Server } from 'node:net';
import { errorBody, SlipwayError } from '../errors.ts';
import { type Link, listen } from '../link/link.ts';
import { News } from '../link/news.ts';
import type {
  Command,
  ControlToLane,
  ControlToLoops,
  LaneMetrics,
  LaneQuestion,
  LaneToControl,
  LoopsToControl,
} from '../messages.ts';
import type { Snapshot } from '../snapshot.ts';
import { changeBetween } from '../snapshot-change.ts';
import { addLane, noLanes } from './lane-totals.ts';

type Incoming = LaneToControl | LoopsToControl;
type Outgoing = ControlToLane | ControlToLoops;

interface Lane {
  link: Link<Incoming, Outgoing>;
  lane: number;
  incarnation: number;
  /** Newest snapshot that it serves, and the newest that it would not. */
  serving: number;
  refused: { snapshot: number; message: string } | null;
  metrics: LaneMetrics | null;
}

/** A lane that has not acknowledged by then is named in the error, ms. */
const patienceMs = 10_000;
/** For the lanes' counters, ms. */
const metricsMs = 500;

/** Control's ends of the lines to lanes and loops. */
export class Lines {
  readonly #lanes = new Set<Lane>();
  #loops: Link<Incoming, Outgoing> | null = null;
  /** The snapshot that was sent last over each link: the next is sent as what it changes. */
  readonly #sent = new WeakMap<Link<Incoming, Outgoing>, Snapshot>();
  readonly #onCommand: (command: Command) => Promise<void>;
  readonly #onQuestion: (question: LaneQuestion) => Promise<unknown>;
  readonly #onChanged: (topics: string[]) => void;
  readonly #current: () => Snapshot | null;
  /** Of lanes that are gone. */
  readonly #past = noLanes();
  readonly #news = new News();
  #server: Server | null = null;

  constructor(
    current: () => Snapshot | null,
    onCommand: (command: Command) => Promise<void>,
    onQuestion: (question: LaneQuestion) => Promise<unknown>,
    onChanged: (topics: string[]) => void,
  ) {
    this.#current = current;
    this.#onCommand = onCommand;
    this.#onQuestion = onQuestion;
    this.#onChanged = onChanged;
  }

  async open(path: string): Promise<void> {
    this.#server = await listen<Incoming, Outgoing>(path, (link) => this.#met(link));
  }

  close(): void {
    this.#server?.close();
    for (const lane of this.#lanes) lane.link.close();
    this.#loops?.close();
  }

  get lanes(): number {
    return this.#lanes.size;
  }

  get loopsConnected(): boolean {
    return this.#loops !== null;
  }

  /** Whether every lane that lives serves this snapshot. */
  allServe(snapshot: number): boolean {
    return this.#lanes.size > 0 && [...this.#lanes].every((lane) => lane.serving >= snapshot);
  }

  /**
   * Sends a snapshot to all; resolves with the number of lanes when every lane that lives serves it. Throws
   * GATE_FAILED if one would not take it, TIMEOUT if one does not answer.
   */
  async serve(snapshot: Snapshot): Promise<number> {
    for (const { link } of this.#lanes) this.#send(link, snapshot);
    if (this.#loops) this.#send(this.#loops, snapshot);
    const end = performance.now() + patienceMs;
    for (;;) {
      const lanes = [...this.#lanes];
      const refusal = lanes.find((lane) => lane.refused?.snapshot === snapshot.number);
      if (refusal)
        throw new SlipwayError(
          'GATE_FAILED',
          `A lane could not take it: ${refusal.refused!.message}`,
          'The lanes serve what they did before. Deploy the file again: what is kept of it may be damaged.',
        );
      const late = lanes.find((lane) => lane.serving < snapshot.number);
      if (!late) return lanes.length;
      if (performance.now() > end) {
        throw new SlipwayError(
          'TIMEOUT',
          `Lane ${late.lane} does not serve snapshot ${snapshot.number} yet.`,
        );
      }
      await this.#news.next(end);
    }
  }

  sendToLoops(message: ControlToLoops): void {
    if (!this.#loops)
      throw new SlipwayError('TIMEOUT', 'The loops are being replaced.', 'Try again in a moment.');
    this.#loops.send(message);
  }

  /** Counters of all lanes, those that are gone included. */
  async metrics(): Promise<LaneMetrics[]> {
    const end = performance.now() + metricsMs;
    for (const lane of this.#lanes) {
      lane.link.send({ type: 'metrics?' });
    }
    const asked = new Set(this.#lanes);
    const before = new Map([...asked].map((lane) => [lane, lane.metrics]));
    while (
      performance.now() < end &&
      [...asked].some((lane) => this.#lanes.has(lane) && lane.metrics === before.get(lane))
    ) {
      await this.#news.next(end);
    }
    return [this.#past, ...[...this.#lanes].flatMap((lane) => (lane.metrics ? [lane.metrics] : []))];
  }

  #met(link: Link<Incoming, Outgoing>): void {
    let lane: Lane | null = null;
    link.onClose = () => {
      if (lane) {
        this.#lanes.delete(lane);
        if (lane.metrics) addLane(this.#past, lane.metrics);
      } else if (this.#loops === link) this.#loops = null;
      this.#news.tell();
    };
    link.onMessage = (message) => {
      switch (message.type) {
        case 'hello':
          if (message.role === 'loops') this.#loops = link;
          else {
            lane = {
              link,
              lane: message.lane,
              incarnation: message.incarnation,
              serving: 0,
              refused: null,
              metrics: null,
            };
            this.#lanes.add(lane);
          }
          this.#greet(link, message.snapshot);
          break;
        case 'serving':
          if (lane) lane.serving = message.snapshot;
          this.#news.tell();
          break;
        case 'refused':
          if (lane) lane.refused = { snapshot: message.snapshot, message: message.message };
          this.#news.tell();
          break;
        case 'metrics':
          if (lane) lane.metrics = message.metrics;
          this.#news.tell();
          break;
        case 'command': {
          const { id } = message.command;
          this.#onCommand(message.command).then(
            () => link.send({ type: 'done', id, error: null }),
            (error: Error) => link.send({ type: 'done', id, error: error.message }),
          );
          break;
        }
        case 'ask': {
          const { number, question } = message;
          this.#onQuestion(question).then(
            (value) => link.send({ type: 'answer', number, error: null, value: value ?? null }),
            (error) => link.send({ type: 'answer', number, error: errorBody(error), value: null }),
          );
          break;
        }
        case 'changed':
          this.#onChanged(message.topics);
          break;
      }
    };
  }

  /** `held`: the number of the snapshot that is there already. */
  #greet(link: Link<Incoming, Outgoing>, held: number): void {
    const snapshot = this.#current();
    if (!snapshot) return;
    if (snapshot.number === held) this.#sent.set(link, snapshot);
    this.#send(link, snapshot);
  }

  #send(link: Link<Incoming, Outgoing>, snapshot: Snapshot): void {
    link.send({ type: 'snapshot', change: changeBetween(this.#sent.get(link) ?? null, snapshot) });
    this.#sent.set(link, snapshot);
  }
}
