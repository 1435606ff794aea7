import type { IncomingMessage } from 'node:http';
import { SlipwayError } from '../../errors.ts';
import { overloaded } from '../../lane/admission.ts';
import type { BodyBounds, Most } from '../../lane/body-bounds.ts';
import { unpack } from '../../lane/unpack.ts';

/** A request's bytes. */
export type Body = Buffer | LargeBody;

/** The same where they are many: in pieces that another thread reads as they are, for to put them together takes a while. */
export interface LargeBody {
  pieces: Uint8Array<SharedArrayBuffer>[];
  bytes: number;
}

/** Of a large body each piece but the last has so many bytes, or a little more. */
const pieceBytes = 256 * 1024;

export function whole(body: Body): Buffer {
  return 'pieces' in body ? Buffer.concat(body.pieces, body.bytes) : body;
}

/** Puts a body together while it comes. */
class Gathering {
  #chunks: Buffer[] = [];
  #chunkBytes = 0;
  readonly #pieces: Uint8Array<SharedArrayBuffer>[] = [];
  #bytes = 0;

  add(chunk: Buffer): void {
    this.#chunks.push(chunk);
    this.#chunkBytes += chunk.length;
    this.#bytes += chunk.length;
    if (this.#chunkBytes >= pieceBytes) this.#join();
  }

  end(): Body {
    if (this.#pieces.length === 0)
      return this.#chunks.length === 1 ? this.#chunks[0]! : Buffer.concat(this.#chunks, this.#chunkBytes);
    if (this.#chunkBytes > 0) this.#join();
    return { pieces: this.#pieces, bytes: this.#bytes };
  }

  #join(): void {
    const piece = new Uint8Array(new SharedArrayBuffer(this.#chunkBytes));
    let at = 0;
    for (const chunk of this.#chunks) {
      piece.set(chunk, at);
      at += chunk.length;
    }
    this.#pieces.push(piece);
    this.#chunks = [];
    this.#chunkBytes = 0;
  }
}

/**
 * Reads a request's whole body, unpacked if it is compressed; `most` bounds the bytes that come and the bytes that
 * they unpack to. `done` gets its refusal, UNSUPPORTED_CONTENT_TYPE, OVERLOADED or INVALID_REQUEST instead.
 */
export function readBody(
  request: IncomingMessage,
  bounds: BodyBounds,
  most: Most,
  done: (body: Body, error: SlipwayError | null) => void,
): void {
  const encoding = request.headers['content-encoding']?.toLowerCase();
  // The rest is read and let fall: whoever is cut off while sending does not read why.
  const fail = (error: SlipwayError): void => {
    request.removeAllListeners('data');
    request.resume();
    done(nothing, error);
  };
  if (request.headers['content-type']?.startsWith('multipart/')) {
    fail(
      new SlipwayError(
        'UNSUPPORTED_CONTENT_TYPE',
        'A body in several parts is not taken.',
        'Send the rows by themselves, as the protocol has them: application/json, or application/octet-stream.',
      ),
    );
    return;
  }
  if (Number(request.headers['content-length'] ?? 0) > most.bytes) {
    fail(most.refusal());
    return;
  }
  let first: Buffer | null = null;
  let more: Gathering | null = null;
  let size = 0;
  let held = 0;
  let failed = false;
  const add = (chunk: Buffer): void => {
    if (first === null) {
      first = chunk;
      return;
    }
    if (more === null) {
      more = new Gathering();
      more.add(first);
      request.once('close', () => bounds.hold(-held));
    }
    more.add(chunk);
    held += chunk.length;
    bounds.hold(chunk.length);
  };
  request.on('data', (chunk: Buffer) => {
    size += chunk.length;
    failed = size > most.bytes || (first !== null && bounds.isFull);
    if (!failed) add(chunk);
    else {
      more = null;
      fail(size > most.bytes ? most.refusal() : overloaded);
    }
  });
  request.on('end', () => {
    if (failed) return;
    const body = more === null ? (first ?? nothing) : more.end();
    // The request lives on until it is answered; its body need not.
    first = more = null;
    if (encoding === undefined || encoding === 'identity') done(body, null);
    else unpackBody(body, encoding, bounds, most, done);
  });
}

const nothing = Buffer.alloc(0);

/** RFC 9110, 8.4.1: two names of one. */
const packings: ReadonlySet<string> = new Set(['gzip', 'x-gzip', 'deflate']);

function unpackBody(
  body: Body,
  encoding: string,
  bounds: BodyBounds,
  most: Most,
  done: (body: Body, error: SlipwayError | null) => void,
): void {
  if (!packings.has(encoding)) {
    const message = `Content-encoding "${encoding.slice(0, 40)}" is not taken.`;
    done(nothing, new SlipwayError('UNSUPPORTED_CONTENT_TYPE', message, 'Use gzip, deflate or none.'));
    return;
  }
  const gathered = new Gathering();
  unpack(
    'pieces' in body ? body.pieces : [body],
    bounds,
    most,
    (part) => gathered.add(part),
    (error) => done(error ? nothing : gathered.end(), error),
  );
}
