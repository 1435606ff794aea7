import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import { type PlainRequest, plainRequest } from './plain-request.ts';

/** Whether a prediction that comes now is refused, with what: a whole answer, head and body. null: it is not. */
export type RefusalOf = (chunk: Buffer) => Buffer | null;

/**
 * Stands before node:http on connections whose caller was refused once: what comes next is refused by its head's bytes
 * alone, for a fraction of what node:http takes to say the same, and its body let fall as it comes. Only a plain request
 * (plain-request.ts) on a connection where nothing else is under way; all else is node:http's.
 */
export class Doorman {
  readonly #refusal: RefusalOf;
  readonly #connections = new WeakMap<Socket, Connection>();

  constructor(refusal: RefusalOf) {
    this.#refusal = refusal;
  }

  /** node:http has read a request's head: to be told of each. */
  came(request: IncomingMessage, response: ServerResponse): void {
    this.#connections.get(request.socket)?.came(request, response);
  }

  /**
   * Looks at all that comes on this connection from now on. Not on encrypted ones: node:https by itself cuts some that
   * pipelined requests come on (Node 26.10), so that nothing shows that it would do no harm there.
   */
  watch(socket: Socket): void {
    if (socket instanceof TLSSocket || this.#connections.has(socket)) return;
    const [parse, ...others] = socket.listeners('data') as ((chunk: Buffer) => void)[];
    if (parse && others.length === 0)
      this.#connections.set(socket, new Connection(socket, this.#refusal, parse));
  }
}

class Connection {
  readonly #socket: Socket;
  readonly #refusal: RefusalOf;
  /** node:http's own. */
  readonly #parse: (chunk: Buffer) => void;
  /** Whether what node:http was given ends with the end of a request. */
  #isBetween = false;
  /** Bytes that are still to come of a body, and whether its request was refused here. */
  #left = 0;
  #isRefused = false;
  #came = 0;
  /** The last that node:http has read, until it has come whole and is answered: connections rest, and nothing rests in them. */
  #request: IncomingMessage | null = null;
  #response: ServerResponse | null = null;

  constructor(socket: Socket, refusal: RefusalOf, parse: (chunk: Buffer) => void) {
    this.#socket = socket;
    this.#refusal = refusal;
    this.#parse = parse;
    socket.removeListener('data', parse);
    socket.on('data', this.#read);
  }

  came(request: IncomingMessage, response: ServerResponse): void {
    this.#came++;
    this.#request = request;
    this.#response = response;
    response.on('close', this.#closed);
  }

  readonly #closed = (): void => {
    if (this.#request?.complete && this.#isAnswered()) this.#request = this.#response = null;
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
  };

  /** What does not belong to a body that is known to come. */
  #first(chunk: Buffer): void {
    const plain = plainRequest(chunk);
    if (plain && this.#isBetween && this.#isFree()) {
      const refusal = this.#refusal(chunk);
      if (refusal) {
        this.#socket.write(refusal);
        this.#left = plain.left;
        this.#isRefused = true;
        return;
      }
    }
    const before = this.#came;
    this.#parse(chunk);
    const isRead = plain !== null && this.#came === before + 1 && (this.#isBetween || this.#isAlone(plain));
    this.#left = isRead ? plain.left : 0;
    this.#isRefused = false;
    this.#isBetween = isRead && plain.left === 0 && this.#isComplete();
  }

  /** All that was asked before is answered, and was read by the caller. */
  #isFree(): boolean {
    return this.#isAnswered() && this.#socket.writableLength === 0;
  }

  #isAnswered(): boolean {
    return this.#response === null || this.#response.closed;
  }

  #isComplete(): boolean {
    return this.#request === null || this.#request.complete;
  }

  /**
   * node:http has read as one request what is one by itself: bytes that it had from before would have been headers of
   * it, for they can neither be a part of the line that it begins with nor of a header's name.
   */
  #isAlone({ headers }: PlainRequest): boolean {
    return this.#request!.rawHeaders.length === 2 * headers;
  }
}
