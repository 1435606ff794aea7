import type { IncomingMessage, ServerResponse } from 'node:http';
import { promisify } from 'node:util';
import { deflate, gzip } from 'node:zlib';
import { type ErrorBody, type ErrorCode, errorBody, errorTable, SlipwayError } from '../../errors.ts';
import { overloaded } from '../../lane/admission.ts';
import { type BodyBounds, type Most, most } from '../../lane/body-bounds.ts';
import type { Begun, Tracer } from '../../lane/tracer.ts';
import { readTrace, type Span } from '../../trace.ts';
import type { Cancellation, Waiting } from '../../waiting.ts';
import { type Body, readBody, whole } from './body.ts';
import { heard } from './half-closed.ts';
import { codedRefusal, plainRefusal, retryAfter } from './refusal.ts';
import { beginSpan } from './span.ts';
import { timeoutOf } from './timeout.ts';

/** node:http writes a text and its head in one piece, bytes in two: so few are sooner made a text, a sign a byte. */
const fewBytes = 16 * 1024;
/** Of JSON that is read on the event loop, bytes: 10,000 labels are 1 MB, and the worst takes 60 ms a MB. */
const mostWhole = 4 * 1024 * 1024;
/** Shorter answers are not worth compressing, bytes. */
const leastCompressed = 4096;

const slash = '/'.charCodeAt(0);
/** A target that names its server, as proxies are sent it, and servers must take it (RFC 9112, 3.2.2). */
const absoluteForm = /^https?:\/\/([^/?#@]+)(.*)$/i;

const compressors = { gzip: promisify(gzip), deflate: promisify(deflate) };

/** One request and its response: what every handler of the data plane needs of node:http, and no more. */
export class Exchange implements Cancellation {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** Without the query. */
  readonly path: string;
  readonly query: string;
  /** What a target in absolute form names. */
  readonly #named: string | null;
  readonly #awaitsContinue: boolean;
  /** Errors in the shape of the Open Inference Protocol and KServe’s, who know one status for a wrong request. */
  readonly plainErrors: boolean;
  /** When its head was read, `performance.now()`. */
  readonly since = performance.now();
  /** What it was refused for, or what went wrong. */
  code: ErrorCode | null = null;
  /** null: no exporter is configured, or it is a probe's. */
  readonly #begun: Begun | null;

  /** `awaitsContinue`: the body comes once it is asked for (`Expect: 100-continue`). */
  constructor(
    request: IncomingMessage,
    response: ServerResponse,
    tracer: Tracer | null,
    awaitsContinue: boolean,
  ) {
    this.request = request;
    this.response = response;
    heard(request.socket);
    this.#awaitsContinue = awaitsContinue;
    const target = request.url ?? '/';
    const absolute = target.charCodeAt(0) === slash ? null : absoluteForm.exec(target);
    this.#named = absolute ? absolute[1]! : null;
    const url = absolute ? absolute[2]!.replace(/^(?!\/)/, '/') : target;
    const mark = url.indexOf('?');
    this.path = mark < 0 ? url : url.slice(0, mark);
    this.query = mark < 0 ? '' : url.slice(mark + 1);
    this.plainErrors = /^\/v[12](\/|$)/.test(this.path);
    this.#begun = tracer && !isProbe(this.path) ? beginSpan(tracer, this) : null;
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

  /** What the head says of who waits. Throws INVALID_REQUEST. */
  waiting(): Waiting {
    const { headers } = this.request;
    const { traceparent, tracestate } = headers;
    return {
      deadline: this.since + timeoutOf(headers),
      trace: this.#begun
        ? this.#begun.trace
        : readTrace(traceparent as string | undefined, tracestate as string | undefined),
      span: this.span,
      cancellation: this,
    };
  }

  /** The name that the server is asked under: a target in absolute form says it instead of the header. */
  get host(): string | undefined {
    return this.#named ?? this.request.headers.host;
  }

  /** null: its trace is not recorded. */
  get span(): Span | null {
    return this.#begun?.span ?? null;
  }

  get cancelled(): boolean {
    return this.response.destroyed;
  }

  whenCancelled(then: () => void): void {
    const { response } = this;
    response.once('close', () => {
      if (!response.writableFinished) then();
    });
  }

  send(status: number, content: string | Uint8Array, headers: Record<string, string | number> = {}): void {
    if (this.response.destroyed || this.response.headersSent) return;
    const length = typeof content === 'string' ? Buffer.byteLength(content) : content.length;
    const all = { 'content-type': 'application/json', 'content-length': length, ...headers };
    const encoding = length < leastCompressed ? undefined : this.#wantedEncoding();
    if (encoding) void this.#sendCompressed(status, content, all, encoding);
    else {
      this.response.writeHead(status, all);
      if (typeof content === 'string' || length > fewBytes) this.response.end(content);
      else {
        const bytes = Buffer.from(content.buffer, content.byteOffset, length);
        this.response.end(bytes.toString('latin1'), 'latin1');
      }
    }
  }

  answer(status: number, value: unknown): void {
    this.send(status, JSON.stringify(value));
  }

  /** Says what a cache had to do with the answer that is to come. */
  cacheStatus(status: string | null): void {
    if (status !== null) this.response.setHeader('cache-status', status);
  }

  fail(thrown: unknown): void {
    const body: ErrorBody = errorBody(thrown);
    this.code = body.code;
    const { status } = errorTable[body.code];
    if ((status === 429 || status === 503) && !this.response.headersSent) {
      this.response.setHeader('retry-after', retryAfter);
    }
    if (this.plainErrors) {
      this.answer(status === 422 ? 400 : status, { error: `${body.code}: ${body.message} ${body.hint}` });
    } else this.answer(status, { error: body });
  }

  /** Says at once that the lane has enough to do; the body is not looked at. */
  refuse(): void {
    this.code = overloaded.code;
    const { text, headers } = this.plainErrors ? plainRefusal : codedRefusal;
    this.response.writeHead(errorTable.OVERLOADED.status, headers);
    this.response.end(text);
  }

  /** Reads the whole body, bounded. Anything thrown, here or in `use`, becomes the answer. */
  body(bounds: BodyBounds, use: (body: Body) => void, most = bounds.largest): void {
    readBody(this.request, bounds, most, (body, error) => {
      heard(this.request.socket);
      try {
        if (error) throw error;
        use(body);
      } catch (thrown) {
        this.fail(thrown);
      }
    });
    // Not of one that is refused by its head.
    if (this.#awaitsContinue && !this.response.headersSent) this.response.writeContinue();
  }

  /** The same for one that is looked at as a whole, on the event loop: see `small`, unless who sends it may hold that up. */
  bytes(bounds: BodyBounds, use: (bytes: Buffer) => void, most: Most): void {
    this.body(bounds, (body) => use(whole(body)), most);
  }

  /** Of gzip and deflate the one that the caller names first, if it names one. */
  #wantedEncoding(): 'gzip' | 'deflate' | undefined {
    const accepted = this.request.headers['accept-encoding'];
    const found =
      accepted === undefined
        ? null
        : /\b(gzip|deflate)\b(?!\s*;\s*q=0(\.0*)?\s*(,|$))/.exec(String(accepted));
    return found?.[1] as 'gzip' | 'deflate' | undefined;
  }

  async #sendCompressed(
    status: number,
    content: string | Uint8Array,
    headers: Record<string, string | number>,
    encoding: 'gzip' | 'deflate',
  ): Promise<void> {
    const bytes = await compressors[encoding](content);
    if (this.response.destroyed) return;
    this.response.writeHead(status, {
      ...headers,
      'content-length': bytes.length,
      'content-encoding': encoding,
      vary: 'accept-encoding',
    });
    this.response.end(bytes);
  }
}

/** What is read on the event loop. `hint`: what to do whose body is larger. */
export function small(bounds: BodyBounds, hint: string): Most {
  return most(smallBytes(bounds), hint);
}

export function smallBytes({ limit }: BodyBounds): number {
  return Math.min(mostWhole, limit);
}

/** Load balancers ask every second, and nobody traces that. */
export function isProbe(path: string): boolean {
  return path.startsWith('/health/') || path.startsWith('/v2/health/');
}
