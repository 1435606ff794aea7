import { createUnzip } from 'node:zlib';
import { SlipwayError } from '../errors.ts';
import { overloaded } from './admission.ts';
import type { BodyBounds, Most } from './body-bounds.ts';

/**
 * Unpacks what is gzip or deflate, up to what `most` says; `take` gets the parts as they come. They count until `done`,
 * which gets the refusal, OVERLOADED or INVALID_REQUEST instead. Returns what stops it: then `done` is not called.
 */
export function unpack(
  packed: Uint8Array[],
  bounds: BodyBounds,
  most: Most,
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
    if (size > most.bytes) end(most.refusal());
    else if (bounds.isFull) end(overloaded);
  });
  unpacked.on('end', () => end(null));
  unpacked.on('error', ({ message }) =>
    end(
      new SlipwayError('INVALID_REQUEST', `The request cannot be unpacked as gzip or deflate: ${message}.`),
    ),
  );
  for (const piece of packed) unpacked.write(piece);
  unpacked.end();
  return stop;
}
