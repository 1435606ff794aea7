import { isUtf8 } from 'node:buffer';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { type ErrorBody, errorBody, errorTable, SlipwayError } from '../../errors.ts';

/** One request and its response: what every handler of the data plane needs of node:http, and no more. */
export class Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** Without the query. */
  readonly path: string;
  readonly query: string;
  /** The Open Inference Protocol has an error shape of its own. */
  readonly plainErrors: boolean;

  constructor(request: IncomingMessage, response: ServerResponse) {
    this.request = request;
    this.response = response;
    const url = request.url ?? '/';
    const mark = url.indexOf('?');
    this.path = mark < 0 ? url : url.slice(0, mark);
    this.query = mark < 0 ? '' : url.slice(mark + 1);
    this.plainErrors = this.path === '/v2' || this.path.startsWith('/v2/');
  }

  /** Throws METHOD_NOT_ALLOWED for any other method; whoever may GET may ask for the HEAD alone. */
  takes(method: 'GET' | 'POST'): void {
    const given = this.request.method;
    if (given === method || (given === 'HEAD' && method === 'GET')) return;
    const allow = method === 'GET' ? 'GET, HEAD' : method;
    this.response.setHeader('allow', allow);
    throw new SlipwayError(
      'METHOD_NOT_ALLOWED',
      `${this.path.slice(0, 200)} takes ${allow}, not ${given}.`,
      'See the README for what the data plane takes.',
    );
  }

  send(status: number, text: string): void {
    if (this.response.destroyed || this.response.headersSent) return;
    this.response.writeHead(status, {
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(text),
    });
    this.response.end(text);
  }

  json(status: number, value: unknown): void {
    this.send(status, JSON.stringify(value));
  }

  fail(thrown: unknown): void {
    const body: ErrorBody = errorBody(thrown);
    if (body.code === 'TOO_MANY_WAITING' || errorTable[body.code].status === 503) {
      if (!this.response.headersSent) this.response.setHeader('retry-after', '1');
    }
    this.json(
      errorTable[body.code].status,
      this.plainErrors ? { error: `${body.code}: ${body.message} ${body.hint}` } : { error: body },
    );
  }

  /** Reads the whole body, bounded, and parses it. Anything thrown, here or in `use`, becomes the answer. */
  body(limit: number, use: (value: unknown) => void): void {
    const { request } = this;
    const encoding = request.headers['content-encoding'] ?? 'identity';
    if (encoding.toLowerCase() !== 'identity') {
      throw new SlipwayError(
        'UNSUPPORTED_CONTENT_TYPE',
        `A body with content-encoding ${encoding.slice(0, 40)} is not taken.`,
        'Send the JSON as it is, without compression.',
      );
    }
    if (Number(request.headers['content-length'] ?? 0) > limit) {
      this.#refuseBody(limit);
      return;
    }
    let first: Buffer | null = null;
    let more: Buffer[] | null = null;
    let size = 0;
    request.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size > limit) {
        request.removeAllListeners('data');
        this.#refuseBody(limit);
      } else if (first === null) first = chunk;
      else if (more === null) more = [first, chunk];
      else more.push(chunk);
    });
    request.on('end', () => {
      if (size > limit) return;
      try {
        use(parse(more === null ? first : Buffer.concat(more)));
      } catch (error) {
        this.fail(error);
      }
    });
  }

  #refuseBody(limit: number): void {
    // The rest of the body is not read: the connection cannot be used again.
    this.response.setHeader('connection', 'close');
    this.fail(new SlipwayError('BODY_TOO_LARGE', `The body is larger than ${limit} bytes.`));
    this.request.resume();
  }
}

function parse(bytes: Buffer | null): unknown {
  // Decoding would put replacement characters in place of what was meant: two keys could become one.
  if (bytes !== null && !isUtf8(bytes)) throw new SlipwayError('INVALID_JSON', 'The body is not UTF-8.');
  try {
    return JSON.parse(bytes === null ? '' : bytes.toString());
  } catch (error) {
    throw new SlipwayError('INVALID_JSON', `The body is not JSON: ${(error as Error).message}.`);
  }
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
