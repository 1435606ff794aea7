import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { seeded } from '../../server/test/models/forest/random-forest.ts';

/**
 * Callers in a process of their own, who keep `connections` open, or, with none, connect for each request. A phase with a
 * `rate` is an open loop: requests come when their time has come (Poisson), whether or not others are answered, and those
 * that find no connection free wait for one; time is taken from when a request was due. A phase with `callers` is a closed
 * loop: each sends its next request when its last is answered. Messages: Order in; Started when a phase begins, then
 * Outcome out.
 */
export interface Order {
  port: number;
  requests: Buffer[];
  connections: number;
  phases: Phase[];
}

export type Phase = { rate: number; seconds: number } | { callers: number; seconds: number };

export interface Started {
  phase: number;
}

/** What became of the requests that were due in one bin of time. */
export interface Bin {
  due: number;
  /** Answered 200 within the bound. */
  good: number;
  late: number;
  /** 503 or 429, with Retry-After. */
  refused: number;
  /** Not answered, or with something else. */
  lost: number;
}

export interface Outcome {
  /** By phase. */
  bins: Bin[][];
  /** Some of the answers, for their values to be checked: index of the request, and what came. */
  samples: { request: number; head: string; body: Buffer }[];
  /** ms from due to answered of the phases with a rate, sorted. */
  refusedAfter: Float64Array;
  goodAfter: Float64Array;
  /** ms from due to sent, sorted: how far this process itself was behind. */
  behind: Float64Array;
  connections: number;
}

export const binMs = 100;
/** An answer is of use within so long, ms. */
export const boundMs = 50;
/** A caller gives up after so long, ms. */
const patienceMs = 1000;
const mostConnections = 8000;
const sampled = 50;
const headEnd = Buffer.from('\r\n\r\n');
const lengthName = Buffer.from('ontent-length: ');
/** All connections read into it, one after the other. */
const read = Buffer.alloc(1 << 16);

interface Line {
  socket: Socket;
  /** What has come of an answer that is not whole yet. */
  rest: Buffer | null;
  /** When its request was due; -1: it is free. */
  due: number;
  bin: Bin;
  request: number;
}

class Callers {
  readonly #order: Order;
  /** The one that has rested longest is the next: all of them are in use, as they are where callers are many. */
  readonly #free: Line[] = [];
  /** Requests for which none is free. */
  readonly #waiting: { due: number; bin: Bin }[] = [];
  readonly #all = new Set<Line>();
  readonly #bins: Bin[][] = [];
  readonly #samples: Outcome['samples'] = [];
  readonly #refusedAfter: number[] = [];
  readonly #goodAfter: number[] = [];
  readonly #behind: number[] = [];
  readonly #onPhase: (phase: number) => void;
  #started = 0;
  #sent = 0;
  #opened = 0;
  #isClosedLoop = false;

  constructor(order: Order, onPhase: (phase: number) => void) {
    this.#order = order;
    this.#onPhase = onPhase;
  }

  async run(): Promise<Outcome> {
    while (this.#opened < this.#order.connections) await this.#open();
    const sweep = setInterval(() => this.#giveUp(performance.now()), 50);
    this.#started = performance.now();
    for (const [number, phase] of this.#order.phases.entries()) {
      this.#bins.push([]);
      this.#onPhase(number);
      if ('callers' in phase) {
        this.#started = performance.now();
        await this.#closedLoop(phase.callers, phase.seconds);
      } else await this.#openLoop(phase.rate, phase.seconds);
      this.#started += phase.seconds * 1000;
    }
    this.#onPhase(this.#order.phases.length);
    await new Promise((resolve) => setTimeout(resolve, patienceMs));
    this.#giveUp(Number.POSITIVE_INFINITY);
    clearInterval(sweep);
    for (const { socket } of this.#all) socket.destroy();
    return {
      bins: this.#bins,
      samples: this.#samples,
      refusedAfter: Float64Array.from(this.#refusedAfter).sort(),
      goodAfter: Float64Array.from(this.#goodAfter).sort(),
      behind: Float64Array.from(this.#behind).sort(),
      connections: this.#opened,
    };
  }

  async #openLoop(rate: number, seconds: number): Promise<void> {
    const random = seeded(11);
    const end = this.#started + seconds * 1000;
    let due = this.#started;
    while (due < end) {
      while (due <= performance.now() && due < end) {
        this.#send(due);
        this.#behind.push(performance.now() - due);
        due += (-Math.log(1 - random()) * 1000) / rate;
      }
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  async #closedLoop(callers: number, seconds: number): Promise<void> {
    this.#isClosedLoop = true;
    for (let caller = 0; caller < callers; caller++) this.#send(performance.now());
    await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
    this.#isClosedLoop = false;
  }

  async #open(): Promise<void> {
    const line = this.#connect(newBin())!;
    await once(line.socket, 'connect');
    this.#free.push(line);
  }

  #bin(due: number): Bin {
    const bins = this.#bins.at(-1)!;
    const index = Math.floor((due - this.#started) / binMs);
    while (bins.length <= index) bins.push(newBin());
    return bins[index]!;
  }

  #send(due: number): void {
    const bin = this.#bin(due);
    bin.due++;
    const line = this.#free.shift() ?? this.#connect(bin);
    if (line) this.#sendOn(line, due, bin);
    else this.#waiting.push({ due, bin });
  }

  #sendOn(line: Line, due: number, bin: Bin): void {
    line.due = due;
    line.bin = bin;
    line.request = this.#sent++ % this.#order.requests.length;
    line.socket.write(this.#order.requests[line.request]!);
  }

  #connect(bin: Bin): Line | null {
    if (this.#all.size >= (this.#order.connections || mostConnections)) return null;
    const callback = (length: number): boolean => {
      this.#read(line, read.subarray(0, length));
      return true;
    };
    const onread = { buffer: read, callback };
    const socket = connect({ port: this.#order.port, host: '127.0.0.1', noDelay: true, onread });
    const line: Line = { socket, rest: null, due: -1, bin, request: 0 };
    this.#all.add(line);
    this.#opened++;
    socket.on('error', () => socket.destroy());
    socket.on('close', () => this.#close(line));
    return line;
  }

  #read(line: Line, chunk: Buffer): void {
    const bytes = line.rest === null ? chunk : Buffer.concat([line.rest, chunk]);
    const end = bytes.indexOf(headEnd);
    const from = end + headEnd.length;
    if (end < 0 || bytes.length < from + contentLength(bytes)) {
      line.rest = Buffer.from(bytes);
      return;
    }
    line.rest = null;
    if (line.due >= 0) this.#answered(line, bytes, end);
  }

  #answered(line: Line, bytes: Buffer, end: number): void {
    const took = performance.now() - line.due;
    const { bin } = line;
    line.due = -1;
    const status = (bytes[9]! - 48) * 100 + (bytes[10]! - 48) * 10 + bytes[11]! - 48;
    if (status === 200) {
      if (took <= boundMs) bin.good++;
      else bin.late++;
      if (took <= boundMs && !this.#isClosedLoop) this.#goodAfter.push(took);
      if ((bin.good + bin.late) % sampled === 0) {
        const body = Buffer.from(bytes.subarray(end + headEnd.length));
        this.#samples.push({ request: line.request, head: bytes.toString('latin1', 0, end), body });
      }
    } else if (
      (status === 503 || status === 429) &&
      /\r\nretry-after: \d/i.test(bytes.toString('latin1', 0, end))
    ) {
      bin.refused++;
      this.#refusedAfter.push(took);
    } else bin.lost++;
    const next = this.#order.connections > 0 ? this.#waiting.shift() : undefined;
    if (next) this.#sendOn(line, next.due, next.bin);
    else if (this.#order.connections > 0) this.#free.push(line);
    else line.socket.destroy();
    if (this.#isClosedLoop) this.#send(performance.now());
  }

  #close(line: Line): void {
    this.#all.delete(line);
    const place = this.#free.indexOf(line);
    if (place >= 0) this.#free.splice(place, 1);
    if (line.due >= 0) line.bin.lost++;
    line.due = -1;
  }

  #giveUp(now: number): void {
    for (const line of this.#all) if (line.due >= 0 && now - line.due > patienceMs) line.socket.destroy();
    while (this.#waiting.length > 0 && now - this.#waiting[0]!.due > patienceMs)
      this.#waiting.shift()!.bin.lost++;
  }
}

function newBin(): Bin {
  return { due: 0, good: 0, late: 0, refused: 0, lost: 0 };
}

function contentLength(bytes: Buffer): number {
  let length = 0;
  let at = bytes.indexOf(lengthName) + lengthName.length;
  while (bytes[at]! >= 48 && bytes[at]! <= 57) length = 10 * length + bytes[at++]! - 48;
  return length;
}

process.on('message', (order: Order) => {
  const requests = order.requests.map((one) => Buffer.from(one));
  const started = (phase: number): void => {
    process.send!({ phase } satisfies Started);
  };
  void new Callers({ ...order, requests }, started).run().then((outcome) => process.send!(outcome));
});
process.on('disconnect', () => process.exit(0));
