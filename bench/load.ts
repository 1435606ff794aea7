import { connect, type Socket } from 'node:net';

/** What came back: an HTTP answer's head as text, and its body. */
export interface Answer {
  head: string;
  body: Buffer;
}

/** One request as bytes, and how its answer must be. */
export interface Shot {
  bytes: Buffer;
  /** Throws if the answer is not the model's. */
  check: (answer: Answer) => void;
}

export interface Load {
  requests: number;
  seconds: number;
  /** ms, sorted ascending. */
  latencies: Float64Array;
  /** Answers that the server had enough to do (503): no requests, and none of `latencies`. */
  refused: number;
  /** Answers with another status, or with a wrong body. */
  wrong: number;
  firstWrong: string | null;
}

/** What a caller of a closed loop asks for its next request, and tells of each answer. */
export interface Loop {
  /** null: the time is over. */
  next(): Shot | null;
  /** `sent`: performance.now() at sending. `fine`: the status is that of success. */
  answered(shot: Shot, sent: number, fine: boolean, answer: Answer): void;
}

/** So many callers at once, each of which sends its next request when its last is answered. */
export async function closedLoop(
  shots: Shot[],
  callers: number,
  seconds: number,
  run: (loop: Loop, caller: number) => Promise<void>,
): Promise<Load> {
  const latencies: number[] = [];
  let refused = 0;
  let wrong = 0;
  let firstWrong: string | null = null;
  let next = 0;
  const started = performance.now();
  const until = started + seconds * 1000;
  const loop: Loop = {
    next: () => (performance.now() < until ? shots[next++ % shots.length]! : null),
    answered: (shot, sent, fine, answer) => {
      if (answer.head.startsWith('HTTP/1.1 503')) {
        refused++;
        return;
      }
      latencies.push(performance.now() - sent);
      try {
        if (!fine) throw new Error(answer.head);
        shot.check(answer);
      } catch (error) {
        wrong++;
        firstWrong ??= `${(error as Error).message}: ${answer.body.toString('latin1', 0, 500)}`;
      }
    },
  };
  await Promise.all(Array.from({ length: callers }, (_, caller) => run(loop, caller)));
  return {
    requests: latencies.length,
    seconds: (performance.now() - started) / 1000,
    latencies: Float64Array.from(latencies).sort(),
    refused,
    wrong,
    firstWrong,
  };
}

const headEnd = Buffer.from('\r\n\r\n');

/**
 * Closed loop over raw sockets. A client library would cost more than the servers under test; this one does a
 * write, a read and a check a request. `rate`: no more requests a second than that, spread evenly; one that finds all
 * connections busy is late from when it was due.
 */
export function fire(
  port: number,
  shots: Shot[],
  connections: number,
  seconds: number,
  rate = Number.POSITIVE_INFINITY,
): Promise<Load> {
  /** When the first request was due. */
  let started: number | null = null;
  let count = 0;
  return closedLoop(shots, connections, seconds, async (loop) => {
    const socket = await open(port);
    await new Promise<void>((resolve, reject) => {
      let rest: Buffer | null = null;
      let sent = 0;
      let shot: Shot;
      const shoot = (): void => {
        const now = performance.now();
        started ??= now;
        const due = rate === Number.POSITIVE_INFINITY ? now : started + (count++ * 1000) / rate;
        const early = due - now;
        if (early > 0) setTimeout(() => send(performance.now()), early);
        else send(due);
      };
      const send = (due: number): void => {
        const given = loop.next();
        if (!given) {
          socket.end(resolve);
          return;
        }
        shot = given;
        sent = due;
        socket.write(shot.bytes);
      };
      socket.on('data', (chunk: Buffer) => {
        rest = rest === null ? chunk : Buffer.concat([rest, chunk]);
        const end = rest.indexOf(headEnd);
        if (end < 0) return;
        const head = rest.toString('latin1', 0, end);
        const length = Number(/\r\ncontent-length: (\d+)/i.exec(head)?.[1] ?? -1);
        if (length < 0) {
          reject(new Error(`An answer without content-length: ${head}`));
          return;
        }
        const from = end + headEnd.length;
        if (rest.length < from + length) return;
        const body = rest.subarray(from, from + length);
        rest = null;
        loop.answered(shot, sent, head.startsWith('HTTP/1.1 200'), { head, body });
        shoot();
      });
      socket.on('error', reject);
      shoot();
    });
  });
}

function open(port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true });
    socket.once('connect', () => resolve(socket));
    socket.once('error', reject);
  });
}

export function post(
  path: string,
  body: string | Buffer,
  headers: Record<string, string> = { 'content-type': 'application/json' },
): Buffer {
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  const head = `POST ${path} HTTP/1.1\r\nhost: 127.0.0.1\r\n${lines.join('')}content-length: ${Buffer.byteLength(body)}\r\n\r\n`;
  return Buffer.concat([Buffer.from(head), Buffer.from(body)]);
}

/** The value below which a share of the sorted values lies. */
export function quantile(sorted: Float64Array, share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}
