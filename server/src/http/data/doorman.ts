import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import { plainHeaders } from './plain-request.ts';

/** Whether a prediction that comes now is refused, with what: a whole answer, head and body. null: it is not. */
export type RefusalOf = (chunk: Buffer) => Buffer | null;

/**
 * Stands before node:http on connections whose caller was refused once: what comes next is refused by its bytes alone,
 * for a fraction of what node:http takes to say the same. Only a plain request (plain-request.ts) on a connection where
 * nothing else is under way; all else is node:http's.
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
  #came = 0;
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
  }

  readonly #read = (chunk: Buffer): void => {
    const headers = plainHeaders(chunk);
    if (headers >= 0 && this.#isBetween && this.#isFree()) {
      const refusal = this.#refusal(chunk);
      if (refusal) {
        this.#socket.write(refusal);
        return;
      }
    }
    const before = this.#came;
    this.#parse(chunk);
    this.#isBetween =
      headers >= 0 && this.#came === before + 1 && (this.#isBetween || this.#isAlone(headers));
  };

  /** All that was asked before is answered, and was read by the caller. */
  #isFree(): boolean {
    return this.#response!.closed && this.#socket.writableLength === 0;
  }

  /**
   * node:http has read as one request what is one by itself: bytes that it had from before would have been headers of
   * it, for they can neither be a part of the line that it begins with nor of a header's name.
   */
  #isAlone(headers: number): boolean {
    const { complete, rawHeaders } = this.#request!;
    return complete && rawHeaders.length === 2 * headers;
  }
}
