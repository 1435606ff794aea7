import { connect, type Socket } from 'node:net';

/** One request as bytes, and how its answer's body must end up. */
export interface Shot {
  bytes: Buffer;
  /** Throws if the answer is not the model's. */
  check: (body: string) => void;
}

export interface Load {
  requests: number;
  seconds: number;
  /** ms, sorted ascending. */
  latencies: Float64Array;
  /** Answers with another status than 200, or with a wrong body. */
  wrong: number;
  firstWrong: string | null;
}

/**
 * Closed loop over raw sockets: each connection sends its next request when the last is answered. A client
 * library would cost more than the servers under test; this one does a write, a read and a check a request.
 */
export async function fire(port: number, shots: Shot[], connections: number, seconds: number): Promise<Load> {
  const latencies: number[] = [];
  let wrong = 0;
  let firstWrong: string | null = null;
  let next = 0;
  const started = performance.now();
  const until = started + seconds * 1000;
  await Promise.all(Array.from({ length: connections }, () => run()));
  const elapsed = (performance.now() - started) / 1000;
  return {
    requests: latencies.length,
    seconds: elapsed,
    latencies: Float64Array.from(latencies).sort(),
    wrong,
    firstWrong,
  };

  async function run(): Promise<void> {
    const socket = await open(port);
    await new Promise<void>((resolve, reject) => {
      let rest = '';
      let sent = 0;
      let shot = shots[0]!;
      const shoot = (): void => {
        shot = shots[next++ % shots.length]!;
        sent = performance.now();
        socket.write(shot.bytes);
      };
      socket.on('data', (chunk: Buffer) => {
        rest += chunk.toString('latin1');
        const head = rest.indexOf('\r\n\r\n');
        if (head < 0) return;
        const length = Number(/content-length: (\d+)/i.exec(rest)?.[1] ?? -1);
        if (length < 0) {
          reject(new Error(`An answer without content-length: ${rest.slice(0, 200)}`));
          return;
        }
        if (rest.length < head + 4 + length) return;
        const now = performance.now();
        latencies.push(now - sent);
        const body = rest.slice(head + 4, head + 4 + length);
        if (!rest.startsWith('HTTP/1.1 200')) {
          wrong++;
          firstWrong ??= rest.slice(0, 300);
        } else {
          try {
            shot.check(body);
          } catch (error) {
            wrong++;
            firstWrong ??= `${(error as Error).message}: ${body}`;
          }
        }
        rest = rest.slice(head + 4 + length);
        if (now < until) shoot();
        else socket.end(resolve);
      });
      socket.on('error', reject);
      shoot();
    });
  }
}

function open(port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true });
    socket.once('connect', () => resolve(socket));
    socket.once('error', reject);
  });
}

export function post(path: string, body: string): Buffer {
  return Buffer.from(
    `POST ${path} HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  );
}

/** The value below which a share of the sorted values lies. */
export function quantile(sorted: Float64Array, share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}
