import type { IncomingMessage } from 'node:http';
import { createUnzip } from 'node:zlib';
import { SlipwayError } from '../../errors.ts';
import { overloaded } from '../../lane/admission.ts';
import type { BodyBounds } from '../../lane/body-bounds.ts';

/**
 * Reads a request's whole body, unpacked if it is compressed; the limit bounds the bytes that come and the bytes
 * that they unpack to. `done` gets BODY_TOO_LARGE, UNSUPPORTED_CONTENT_TYPE, OVERLOADED or INVALID_REQUEST instead.
 */
export function readBody(
  request: IncomingMessage,
  bounds: BodyBounds,
  done: (bytes: Buffer, error: SlipwayError | null) => void,
): void {
  const { limit } = bounds;
  const encoding = request.headers['content-encoding']?.toLowerCase();
  const fail = (error: SlipwayError): void => {
    request.removeAllListeners('data');
    request.resume();
    done(nothing, error);
  };
  if (Number(request.headers['content-length'] ?? 0) > limit) {
    fail(tooLarge(limit));
    return;
  }
  let first: Buffer | null = null;
  let more: Buffer[] | null = null;
  let size = 0;
  let held = 0;
  let failed = false;
  const add = (chunk: Buffer): void => {
    if (first === null) {
      first = chunk;
      return;
    }
    if (more === null) {
      more = [first];
      request.once('close', () => bounds.hold(-held));
    }
    more.push(chunk);
    held += chunk.length;
    bounds.hold(chunk.length);
  };
  request.on('data', (chunk: Buffer) => {
    size += chunk.length;
    failed = size > limit || (first !== null && bounds.isFull);
    if (!failed) add(chunk);
    else {
      more = null;
      fail(size > limit ? tooLarge(limit) : overloaded);
    }
  });
  request.on('end', () => {
    if (failed) return;
    const bytes = more === null ? (first ?? nothing) : Buffer.concat(more);
    if (encoding === undefined || encoding === 'identity') done(bytes, null);
    else unpack(bytes, encoding, bounds, done);
  });
}

const nothing = Buffer.alloc(0);

function unpack(
  bytes: Buffer,
  encoding: string,
  bounds: BodyBounds,
  done: (bytes: Buffer, error: SlipwayError | null) => void,
): void {
  if (encoding !== 'gzip' && encoding !== 'deflate') {
    const message = `Content-encoding "${encoding.slice(0, 40)}" is not taken.`;
    done(nothing, new SlipwayError('UNSUPPORTED_CONTENT_TYPE', message, 'Use gzip, deflate or none.'));
    return;
  }
  const parts: Buffer[] = [];
  let size = 0;
  const unpacked = createUnzip();
  const end = (error: SlipwayError | null): void => {
    unpacked.removeAllListeners('data').destroy();
    bounds.hold(-size);
    done(error ? nothing : Buffer.concat(parts), error);
  };
  unpacked.on('data', (part: Buffer) => {
    size += part.length;
    bounds.hold(part.length);
    parts.push(part);
    if (size > bounds.limit) end(tooLarge(bounds.limit));
    else if (bounds.isFull) end(overloaded);
  });
  unpacked.on('end', () => end(null));
  unpacked.on('error', ({ message }) =>
    end(new SlipwayError('INVALID_REQUEST', `The body is not ${encoding}: ${message}.`)),
  );
  unpacked.end(bytes);
}

function tooLarge(limit: number): SlipwayError {
  return new SlipwayError('BODY_TOO_LARGE', `The body is larger than ${limit} bytes.`);
}
