import { constants, type ServerHttp2Stream } from 'node:http2';
import { type Metadata, ServerInterceptingCall, type ServerInterceptor } from '@grpc/grpc-js';
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

/** What comes for streams, by the metadata that their handlers have of them. */
const streams = new WeakMap<Metadata, Arriving>();

/**
 * Bounds in sum what has come of messages: the call whose next piece goes beyond is UNAVAILABLE, with pushback. A call's
 * only message counts until the call is closed, for grpc-js keeps it, and is never refused when it comes in one piece. A
 * stream's messages count until it is told that they are answered; it is not asked for more while some of its own are
 * not, and there is no room for another of the largest.
 */
export function boundArriving(bodies: BodyBounds, patience = patienceMs): ServerInterceptor {
  return ({ requestStream }, given) => {
    const call = given as OwnCall;
    const arriving = new Arriving(call, bodies, requestStream, patience);
    if (!requestStream) return call;
    streams.set(call.metadata, arriving);
    return new SlowedCall(call, arriving);
  };
}

/** The oldest message that a stream's handler has not answered yet is answered. */
export function answeredOne({ metadata }: { metadata: Metadata }): void {
  streams.get(metadata)?.answered();
}

/** grpc-js shows messages when they are whole; their pieces are to be seen only where it reads them itself. */
type OwnCall = ServerInterceptingCall & { stream: ServerHttp2Stream; metadata: Metadata };

/** grpc-js reads some messages ahead of a handler that does not read. */
class SlowedCall extends ServerInterceptingCall {
  readonly #arriving: Arriving;

  constructor(call: OwnCall, arriving: Arriving) {
    super(call);
    this.#arriving = arriving;
  }

  override startRead(): void {
    this.#arriving.whenRoom(() => super.startRead());
  }
}

/** What comes for one call. */
class Arriving {
  readonly #call: OwnCall;
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
  /** Of a stream's whole messages that are not answered; how many of them its handler has asked for, and the next. */
  #sizes: number[] = [];
  #asked = 0;
  #next: (() => void) | null = null;
  #counts = false;
  #isOver = false;
  #timer: NodeJS.Timeout | null = null;

  constructor(call: OwnCall, bodies: BodyBounds, isStream: boolean, patience: number) {
    this.#call = call;
    this.#stream = call.stream;
    this.#bodies = bodies;
    this.#isStream = isStream;
    this.#patience = patience;
    this.#stream.on('data', this.#take);
  }

  answered(): void {
    this.#came -= this.#sizes.shift() ?? 0;
    this.#asked--;
    this.#count();
    const next = this.#next;
    this.#next = null;
    if (next) this.whenRoom(next);
  }

  /** `next`: reads one more message. */
  whenRoom(next: () => void): void {
    if (this.#isOver) return;
    if (this.#asked > 0 && this.#bodies.isTight) {
      this.#next = next;
      this.#ignore();
      return;
    }
    this.#asked++;
    if (!this.#isWhole) this.#watch();
    next();
  }

  readonly #take = (piece: Buffer): void => {
    const isWhole = this.#read(piece);
    if (isWhole && this.#held === 0 && !this.#isStream) return;
    if (!this.#counts) this.#stream.once('close', this.#release);
    this.#counts = true;
    this.#count();
    if (isWhole) return;
    this.#watch();
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
    if (this.#isStream) this.#sizes.push(headBytes + this.#length);
    this.#ignore();
  }

  #watch(): void {
    this.#timer ??= setTimeout(this.#refuse, this.#patience, tooSlow(this.#patience));
  }

  #ignore(): void {
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

  #count(): void {
    this.#bodies.hold(this.#came - this.#held);
    this.#held = this.#came;
  }

  readonly #release = (): void => {
    this.#isOver = true;
    this.#came = 0;
    this.#sizes = [];
    this.#count();
    this.#ignore();
  };
}

function tooSlow(patience: number): SlipwayError {
  return new SlipwayError('TIMEOUT', `The message has not come whole within ${patience / 1000} s.`);
}
