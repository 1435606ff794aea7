import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { type PlainRequest, plainRequest } from './plain-request.ts';
import { readShared } from './shared-read.ts';

/** Whether a prediction that comes now is refused, with what: a whole answer, head and body. null: it is not. */
export type RefusalOf = (chunk: Buffer) => Buffer | null;

const lineEnd = '\r\n';
const headEnd = lineEnd + lineEnd;
const spacesAround = /^[ \t]+|[ \t]+$/g;

/**
 * Stands before node:http on every connection: while predictions are refused, it refuses them by their heads' bytes
 * alone, for a fraction of what node:http takes to say the same, and lets their bodies fall as they come. Only a plain
 * request (plain-request.ts) on a connection where nothing else is under way; all else is node:http's. So is a
 * connection's first request: one that it has read none of it takes for one that never asked (`headersTimeout`).
 */
export class Doorman {
  readonly #refusal: RefusalOf;
  readonly #connections = new WeakMap<Socket, Connection>();

  constructor(refusal: RefusalOf) {
    this.#refusal = refusal;
  }

  /**
   * Looks at all that comes on a connection that node:http has just accepted, not encrypted. Within `requestMs` the
   * whole body of a refused request must have come: node:http, who has its `requestTimeout` for that, does not see it.
   */
  watch(socket: Socket, requestMs: number): void {
    const [parse] = socket.listeners('data') as ((chunk: Buffer) => void)[];
    this.#connections.set(socket, new Connection(socket, this.#refusal, parse!, requestMs));
  }

  /** node:http has read a request's head: to be told of each. */
  came(request: IncomingMessage, response: ServerResponse): void {
    this.#connections.get(request.socket)?.came(request, response);
  }
}

class Connection {
  readonly #socket: Socket;
  readonly #refusal: RefusalOf;
  /** node:http's own. */
  readonly #parse: (chunk: Buffer) => void;
  readonly #requestMs: number;
  /** Whether what node:http was given ends with the end of a request. */
  #isBetween = false;
  /** Bytes that are still to come of a body, and whether its request was refused here. */
  #left = 0;
  #isRefused = false;
  /** Until when such a body may come, `performance.now()`. */
  #until = 0;
  #came = 0;
  /** Requests that node:http has read and not answered. */
  #open = 0;
  /** The last of them, until it has come whole: connections rest, and nothing rests in them. */
  #coming: IncomingMessage | null = null;

  constructor(socket: Socket, refusal: RefusalOf, parse: (chunk: Buffer) => void, requestMs: number) {
    this.#socket = socket;
    this.#refusal = refusal;
    this.#parse = parse;
    this.#requestMs = requestMs;
    socket.removeListener('data', parse);
    socket.on('data', this.#read);
    readShared(socket, this.#read);
  }

  came(request: IncomingMessage, response: ServerResponse): void {
    this.#came++;
    this.#coming = request;
    this.#open++;
    response.on('close', this.#closed);
  }

  readonly #closed = (): void => {
    this.#open--;
  };

  readonly #read = (chunk: Buffer): void => {
    if (this.#left === 0) {
      this.#first(chunk);
      return;
    }
    const part = Math.min(this.#left, chunk.length);
    this.#left -= part;
    if (!this.#isRefused) {
      const before = this.#came;
      this.#parse(chunk);
      const isEnd = this.#left === 0 && part === chunk.length && this.#came === before;
      this.#isBetween = isEnd && this.#isComplete();
    } else if (part < chunk.length) this.#first(chunk.subarray(part));
    // One that sends nothing at all is ended as an idle one is.
    else if (this.#left > 0 && performance.now() >= this.#until) this.#socket.destroy();
  };

  /** What does not belong to a body that is known to come. */
  #first(chunk: Buffer): void {
    const plain = plainRequest(chunk);
    if (plain && this.#isBetween && this.#open === 0 && this.#socket.writableLength === 0) {
      const refusal = this.#refusal(chunk);
      if (refusal) {
        this.#socket.write(refusal);
        this.#left = plain.left;
        this.#isRefused = true;
        if (plain.left > 0) this.#until = performance.now() + this.#requestMs;
        return;
      }
    }
    const before = this.#came;
    this.#parse(chunk);
    const isRead =
      plain !== null && this.#came === before + 1 && (this.#isBetween || this.#isAlone(chunk, plain));
    this.#left = isRead ? plain.left : 0;
    this.#isRefused = false;
    this.#isBetween = isRead && plain.left === 0 && this.#isComplete();
  }

  #isComplete(): boolean {
    if (this.#coming?.complete) this.#coming = null;
    return this.#coming === null;
  }

  /**
   * Whether node:http has read this very request, from its first byte on, with nothing from before: what it reads from
   * somewhere within it has not all of its headers, and what comes after it, or ends with it, has not its body.
   */
  #isAlone(chunk: Buffer, { head }: PlainRequest): boolean {
    const { method, url, rawHeaders } = this.#coming!;
    const [first, ...lines] = chunk.toString('latin1', 0, head - headEnd.length).split(lineEnd);
    const headers = lines.flatMap((line) => {
      const colon = line.indexOf(':');
      return [line.slice(0, colon), line.slice(colon + 1).replace(spacesAround, '')];
    });
    return (
      first === `${method} ${url} HTTP/1.1` &&
      headers.length === rawHeaders.length &&
      headers.every((text, k) => text === rawHeaders[k])
    );
  }
}
