import type { IncomingMessage } from 'node:http';
import { unzip } from 'node:zlib';
import { SlipwayError } from '../../errors.ts';

/**
 * Reads a request's whole body, unpacked if it is compressed; `limit` bounds the bytes that come and the bytes
 * that they unpack to. `done` gets BODY_TOO_LARGE, UNSUPPORTED_CONTENT_TYPE or INVALID_REQUEST instead.
 */
export function readBody(
  request: IncomingMessage,
  limit: number,
  done: (bytes: Buffer, error: SlipwayError | null) => void,
): void {
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
  request.on('data', (chunk: Buffer) => {
    size += chunk.length;
    if (size > limit) fail(tooLarge(limit));
    else if (first === null) first = chunk;
    else if (more === null) more = [first, chunk];
    else more.push(chunk);
  });
  request.on('end', () => {
    if (size > limit) return;
    const bytes = more === null ? (first ?? nothing) : Buffer.concat(more);
    if (encoding === undefined || encoding === 'identity') done(bytes, null);
    else unpack(bytes, encoding, limit, done);
  });
}

const nothing = Buffer.alloc(0);

function unpack(
  bytes: Buffer,
  encoding: string,
  limit: number,
  done: (bytes: Buffer, error: SlipwayError | null) => void,
): void {
  if (encoding !== 'gzip' && encoding !== 'deflate') {
    const message = `Content-encoding "${encoding.slice(0, 40)}" is not taken.`;
    done(nothing, new SlipwayError('UNSUPPORTED_CONTENT_TYPE', message, 'Use gzip, deflate or none.'));
    return;
  }
  unzip(bytes, { maxOutputLength: limit }, (error, unpacked) => {
    if (!error) done(unpacked, null);
    else if ((error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') done(nothing, tooLarge(limit));
    else done(nothing, new SlipwayError('INVALID_REQUEST', `The body is not ${encoding}: ${error.message}.`));
  });
}

function tooLarge(limit: number): SlipwayError {
  return new SlipwayError('BODY_TOO_LARGE', `The body is larger than ${limit} bytes.`);
}
