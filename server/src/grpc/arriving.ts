import { constants, type ServerHttp2Stream } from 'node:http2';
import type { ServerInterceptingCall, ServerInterceptor } from '@grpc/grpc-js';
import { SlipwayError } from '../errors.ts';
import { overloaded } from '../lane/admission.ts';
import type { BodyBounds } from '../lane/body-bounds.ts';
import { statusOf } from './status.ts';

/** Of a message: whether it is compressed, a byte, and its length, four. */
const headBytes = 5;
/** A message may take so long to come, as a request of node:http may, ms. */
const patienceMs = 300_000;
/** A client that was told that it is refused closes the call itself; one that does not is cut after so long, ms. */
const graceMs = 250;

/**
 * Bounds in sum what has come of messages: the call whose next piece goes beyond is UNAVAILABLE, with pushback. A message
 * that comes in one piece is never refused. A call's only message counts until the call is closed, for grpc-js keeps it;
 * a stream's until it is whole.
 */
export function boundArriving(bodies: BodyBounds, patience = patienceMs): ServerInterceptor {
  return ({ requestStream }, given) => {
    // Nothing of it is intercepted.
    const call = given as ServerInterceptingCall;
    new Arriving(call, bodies, requestStream, patience);
    return call;
  };
}

/** grpc-js shows messages when they are whole; their pieces are to be seen only where it reads them itself. */
function streamOf(call: ServerInterceptingCall): ServerHttp2Stream {
  return (call as unknown as { stream: ServerHttp2Stream }).stream;
}

/** What comes for one call. */
class Arriving {
  readonly #call: ServerInterceptingCall;
  readonly #stream: ServerHttp2Stream;
  readonly #bodies: BodyBounds;
  readonly #isStream: boolean;
  readonly #patience: number;
  /** Of the next message's head. */
  #head = 0;
  #length = 0;
  /** Of the message whose head has come. */
  #left = 0;
  /** Bytes that count, and that are counted. */
  #came = 0;
  #held = 0;
  #counts = false;
  #timer: NodeJS.Timeout | null = null;

  constructor(call: ServerInterceptingCall, bodies: BodyBounds, isStream: boolean, patience: number) {
    this.#call = call;
    this.#stream = streamOf(call);
    this.#bodies = bodies;
    this.#isStream = isStream;
    this.#patience = patience;
    this.#stream.on('data', this.#take);
  }

  readonly #take = (piece: Buffer): void => {
    const isWhole = this.#read(piece);
    if (isWhole && this.#held === 0) return;
    if (!this.#counts) this.#stream.once('close', this.#release);
    this.#counts = true;
    this.#bodies.hold(this.#came - this.#held);
    this.#held = this.#came;
    if (isWhole) return;
    this.#timer ??= setTimeout(this.#refuse, this.#patience, tooSlow(this.#patience));
    if (this.#bodies.isFull) this.#refuse(overloaded);
  };

  /** Returns whether nothing is missing of any message that has begun. */
  #read(piece: Buffer): boolean {
    for (let at = 0; at < piece.length; ) {
      const taken = this.#left === 0 ? 1 : Math.min(this.#left, piece.length - at);
      if (this.#left > 0) this.#left -= taken;
      else if (this.#head++ === 0) this.#length = 0;
      else this.#length = this.#length * 256 + piece[at]!;
      if (this.#head === headBytes) {
        this.#head = 0;
        this.#left = this.#length;
      }
      at += taken;
      this.#came += taken;
      if (this.#isWhole) this.#whole();
    }
    return this.#isWhole;
  }

  get #isWhole(): boolean {
    return this.#left === 0 && this.#head === 0;
  }

  #whole(): void {
    if (this.#isStream) this.#came = 0;
    if (this.#timer) clearTimeout(this.#timer);
    this.#timer = null;
  }

  readonly #refuse = (error: SlipwayError): void => {
    this.#stream.off('data', this.#take);
    this.#call.sendStatus(statusOf(error));
    this.#release();
    // At once it would overtake the status.
    this.#timer = setTimeout(() => this.#stream.close(constants.NGHTTP2_NO_ERROR), graceMs);
  };

  readonly #release = (): void => {
    this.#bodies.hold(-this.#held);
    this.#held = 0;
    if (this.#timer) clearTimeout(this.#timer);
  };
}

function tooSlow(patience: number): SlipwayError {
  return new SlipwayError('TIMEOUT', `The message has not come whole within ${patience / 1000} s.`);
}
