import { type ClientHttp2Session, connect } from 'node:http2';
import { closedLoop, type Load, type Loop, type Shot } from './load.ts';

/** Calls in flight on one connection. */
const streams = 4;

/** A message as gRPC sends it: not compressed, its length before it. */
export function grpcFrame(message: Uint8Array): Buffer {
  const frame = Buffer.alloc(5 + message.length);
  frame.writeUInt32BE(message.length, 1);
  frame.set(message, 5);
  return frame;
}

/** Closed loop of unary calls over node:http2, `inFlight` at a time: less work a call than a gRPC client does. */
export async function fireGrpc(
  port: number,
  method: string,
  shots: Shot[],
  inFlight: number,
  seconds: number,
): Promise<Load> {
  const sessions = Array.from({ length: Math.ceil(inFlight / streams) }, () =>
    connect(`http://127.0.0.1:${port}`),
  );
  try {
    const load = await closedLoop(shots, inFlight, seconds, (loop, caller) =>
      run(sessions[Math.floor(caller / streams)]!, loop),
    );
    return load;
  } finally {
    for (const session of sessions) session.close();
  }

  function run(session: ClientHttp2Session, loop: Loop): Promise<void> {
    const headers = {
      ':method': 'POST',
      ':path': method,
      'content-type': 'application/grpc',
      te: 'trailers',
    };
    return new Promise((resolve, reject) => {
      const shoot = (): void => {
        const shot = loop.next();
        if (!shot) {
          resolve();
          return;
        }
        const sent = performance.now();
        const stream = session.request(headers);
        const chunks: Buffer[] = [];
        let status = '';
        stream.on('data', (chunk: Buffer) => chunks.push(chunk));
        // An error before any message comes with the headers alone.
        const noted = (given: { 'grpc-status'?: unknown }): void => {
          status = String(given['grpc-status'] ?? status);
        };
        stream.on('response', noted);
        stream.on('trailers', noted);
        stream.on('error', reject);
        stream.on('end', () => {
          const body = chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks);
          loop.answered(shot, sent, status === '0', { head: `grpc-status ${status}`, body });
          shoot();
        });
        stream.end(shot.bytes);
      };
      shoot();
    });
  }
}
