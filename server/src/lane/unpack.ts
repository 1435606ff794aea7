import { createUnzip } from 'node:zlib';
import { SlipwayError } from '../errors.ts';
import { overloaded } from './admission.ts';
import type { BodyBounds } from './body-bounds.ts';

/**
 * Unpacks what is gzip or deflate, up to `limit` bytes; `take` gets the parts as they come. They count until `done`,
 * which gets BODY_TOO_LARGE, OVERLOADED or INVALID_REQUEST instead. Returns what stops it: then `done` is not called.
 */
export function unpack(
  packed: Uint8Array[],
  what: 'body' | 'message',
  bounds: BodyBounds,
  limit: number,
  take: (part: Buffer) => void,
  done: (error: SlipwayError | null) => void,
): () => void {
  let size = 0;
  const unpacked = createUnzip();
  const stop = (): void => {
    unpacked.removeAllListeners('data').removeAllListeners('end').destroy();
    bounds.hold(-size);
    size = 0;
  };
  const end = (error: SlipwayError | null): void => {
    stop();
    done(error);
  };
  unpacked.on('data', (part: Buffer) => {
    size += part.length;
    bounds.hold(part.length);
    take(part);
    if (size > limit) end(tooLarge(what, limit));
    else if (bounds.isFull) end(overloaded);
  });
  unpacked.on('end', () => end(null));
  unpacked.on('error', ({ message }) =>
    end(
      new SlipwayError('INVALID_REQUEST', `The ${what} cannot be unpacked as gzip or deflate: ${message}.`),
    ),
  );
  for (const piece of packed) unpacked.write(piece);
  unpacked.end();
  return stop;
}

export function tooLarge(what: 'body' | 'message', limit: number): SlipwayError {
  return new SlipwayError('BODY_TOO_LARGE', `The ${what} is larger than ${limit} bytes.`);
}
