import { connect, type Socket } from 'node:net';
import { seeded } from '../../server/test/models/forest/random-forest.ts';

/**
 * An open loop in a process of its own: requests are sent when their time has come (Poisson), whether or not others
 * are answered, each on a connection that is free or on a new one; time is taken from when a request was due. Messages:
 * Order in, Outcome out.
 */
export interface Order {
  port: number;
  requests: Buffer[];
  /** Requests a second, and for how long, one after another. */
  phases: { rate: number; seconds: number }[];
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
  bins: Bin[];
  /** Some of the answers, for their values to be checked: index of the request, and what came. */
  samples: { request: number; head: string; body: Buffer }[];
  /** ms from due to answered, sorted. */
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

interface Line {
  socket: Socket;
  rest: Buffer | null;
  /** When its request was due; -1: it is free. */
  due: number;
  request: number;
}

class OpenLoop {
  readonly #order: Order;
  readonly #free: Line[] = [];
  readonly #all = new Set<Line>();
  readonly #bins: Bin[] = [];
  readonly #samples: Outcome['samples'] = [];
  readonly #refusedAfter: number[] = [];
  readonly #goodAfter: number[] = [];
  readonly #behind: number[] = [];
  #started = 0;
  #sent = 0;
  #opened = 0;

  constructor(order: Order) {
    this.#order = order;
  }

  async run(): Promise<Outcome> {
    const random = seeded(11);
    this.#started = performance.now();
    const sweep = setInterval(() => this.#giveUp(performance.now()), 50);
    let due = this.#started;
    for (const { rate, seconds } of this.#order.phases) {
      const end = due + seconds * 1000;
      while (due < end) {
        while (due <= performance.now() && due < end) {
          this.#send(due);
          due += (-Math.log(1 - random()) * 1000) / rate;
        }
        await new Promise((resolve) => setImmediate(resolve));
      }
      due = end;
    }
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

  #bin(due: number): Bin {
    const index = Math.floor((due - this.#started) / binMs);
    while (this.#bins.length <= index) this.#bins.push({ due: 0, good: 0, late: 0, refused: 0, lost: 0 });
    return this.#bins[index]!;
  }

  #send(due: number): void {
    this.#bin(due).due++;
    const line = this.#free.pop() ?? this.#open();
    if (!line) {
      this.#bin(due).lost++;
      return;
    }
    line.due = due;
    line.request = this.#sent++ % this.#order.requests.length;
    line.socket.write(this.#order.requests[line.request]!);
    this.#behind.push(performance.now() - due);
  }

  #open(): Line | null {
    if (this.#all.size >= mostConnections) return null;
    const socket = connect({ port: this.#order.port, host: '127.0.0.1', noDelay: true });
    const line: Line = { socket, rest: null, due: -1, request: 0 };
    this.#all.add(line);
    this.#opened++;
    socket.on('data', (chunk: Buffer) => this.#read(line, chunk));
    socket.on('error', () => socket.destroy());
    socket.on('close', () => this.#close(line));
    return line;
  }

  #read(line: Line, chunk: Buffer): void {
    const bytes = line.rest === null ? chunk : Buffer.concat([line.rest, chunk]);
    line.rest = bytes;
    const end = bytes.indexOf(headEnd);
    if (end < 0) return;
    const head = bytes.toString('latin1', 0, end);
    const length = Number(/\r\ncontent-length: (\d+)/i.exec(head)![1]);
    const from = end + headEnd.length;
    if (bytes.length < from + length || line.due < 0) return;
    line.rest = null;
    const took = performance.now() - line.due;
    const bin = this.#bin(line.due);
    line.due = -1;
    if (head.startsWith('HTTP/1.1 200')) {
      if (took <= boundMs) {
        bin.good++;
        this.#goodAfter.push(took);
      } else bin.late++;
      if ((bin.good + bin.late) % sampled === 0)
        this.#samples.push({ request: line.request, head, body: bytes.subarray(from) });
    } else if (/^HTTP\/1\.1 (503|429)/.test(head) && /\r\nretry-after: \d/i.test(head)) {
      bin.refused++;
      this.#refusedAfter.push(took);
    } else bin.lost++;
    this.#free.push(line);
  }

  #close(line: Line): void {
    this.#all.delete(line);
    const place = this.#free.indexOf(line);
    if (place >= 0) this.#free.splice(place, 1);
    if (line.due >= 0) this.#bin(line.due).lost++;
    line.due = -1;
  }

  #giveUp(now: number): void {
    for (const line of this.#all) if (line.due >= 0 && now - line.due > patienceMs) line.socket.destroy();
  }
}

process.on('message', (order: Order) => {
  const { port, requests, phases } = order;
  void new OpenLoop({ port, requests: requests.map((one) => Buffer.from(one)), phases })
    .run()
    .then((outcome) => process.send!(outcome));
});
process.on('disconnect', () => process.exit(0));
