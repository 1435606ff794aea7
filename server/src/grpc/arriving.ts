import { constants, type ServerHttp2Stream } from 'node:http2';
import { type Metadata, ServerInterceptingCall, type ServerInterceptor } from '@grpc/grpc-js';
import { SlipwayError } from '../errors.ts';
import { overloaded } from '../lane/admission.ts';
import type { BodyBounds } from '../lane/body-bounds.ts';
import { unpack } from '../lane/unpack.ts';
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
 * Bounds in sum what has come of messages, and what they unpack to: the call whose next piece goes beyond is UNAVAILABLE,
 * with pushback. A call's only message counts until the call is closed, for grpc-js keeps it, and is never refused when it
 * comes in one piece. A stream's messages count until it is told that they are answered; it is not asked for more while
 * some of its own are not, and there is no room for another of the largest.
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

/**
 * grpc-js shows messages when they are whole; their pieces are to be seen only where it reads them itself. It would unpack
 * each by itself, however many there are: it gets them unpacked.
 */
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
  /** grpc-js's own listeners: it takes what it is given as if it came from the stream. */
  readonly #pass: (piece: Buffer) => void;
  readonly #passEnd: () => void;
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
  /** What has come of a compressed message, its head left out; null: the message is none. */
  #packed: Buffer[] | null = null;
  /** While one is being unpacked, or waits for that: what begins it, what stops it, and what has come behind it. */
  #isUnpacking = false;
  #begin: (() => void) | null = null;
  #stop: (() => void) | null = null;
  #behind: Buffer[] = [];
  #isEnded = false;
  #timer: NodeJS.Timeout | null = null;

  constructor(call: OwnCall, bodies: BodyBounds, isStream: boolean, patience: number) {
    this.#call = call;
    this.#stream = call.stream;
    this.#bodies = bodies;
    this.#isStream = isStream;
    this.#patience = patience;
    const [[pass], [passEnd]] = [this.#stream.listeners('data'), this.#stream.listeners('end')];
    this.#pass = pass as (piece: Buffer) => void;
    this.#passEnd = passEnd as () => void;
    this.#stream.off('data', this.#pass).on('data', this.#take);
    this.#stream.off('end', this.#passEnd).on('end', this.#end);
  }

  answered(): void {
    this.#came -= this.#sizes.shift() ?? 0;
    this.#asked--;
    this.#count();
    const begin = this.#begin;
    if (begin && !this.#hasToWait(this.#sizes.length)) {
      this.#begin = null;
      begin();
    }
    const next = this.#next;
    this.#next = null;
    // Not at once: the handler has not written yet what it is about to say.
    if (next) queueMicrotask(() => this.whenRoom(next));
  }

  /** `next`: reads one more message. */
  whenRoom(next: () => void): void {
    if (this.#isOver) return;
    if (this.#hasToWait(this.#asked)) {
      this.#next = next;
      this.#ignore();
      return;
    }
    this.#asked++;
    if (!this.#isWhole) this.#watch();
    next();
  }

  readonly #take = (piece: Buffer): void => {
    if (this.#isOver) return;
    if (this.#isUnpacking) {
      // grpc-js reads on where it has no message.
      this.#stream.pause();
      this.#behind.push(piece);
      return;
    }
    const isWhole = this.#read(piece);
    if (this.#isOver || (isWhole && !this.#counts && !this.#isStream)) return;
    this.#count();
    if (isWhole) return;
    this.#watch();
    if (this.#bodies.isFull) this.#refuse(overloaded);
  };

  /** It may come while the stream is paused. */
  readonly #end = (): void => {
    this.#isEnded = true;
    if (!this.#isUnpacking) this.#passEnd();
  };

  /** Returns whether nothing is missing of any message that has begun. */
  #read(piece: Buffer): boolean {
    /** What comes before was passed on, or belongs to a compressed message. */
    let from = 0;
    for (let at = 0; at < piece.length && !this.#isUnpacking; ) {
      const isHead = this.#left === 0;
      if (isHead && this.#head === 0 && piece[at] === 1) {
        if (at > from) this.#pass(piece.subarray(from, at));
        this.#packed = [];
      }
      const taken = isHead ? 1 : Math.min(this.#left, piece.length - at);
      if (!isHead) this.#left -= taken;
      else if (this.#head++ === 0) this.#length = 0;
      else this.#length = this.#length * 256 + piece[at]!;
      if (this.#head === headBytes) {
        this.#head = 0;
        this.#left = this.#length;
        if (this.#length > this.#bodies.limit) {
          this.#refuse(this.#bodies.largest.refusal());
          return false;
        }
      }
      if (this.#packed) {
        if (!isHead) this.#packed.push(piece.subarray(at, at + taken));
        from = at + taken;
      }
      at += taken;
      this.#came += taken;
      if (this.#isWhole) this.#whole();
    }
    if (this.#isUnpacking) this.#behind.push(piece.subarray(from));
    else if (from < piece.length) this.#pass(from === 0 ? piece : piece.subarray(from));
    return this.#isWhole;
  }

  get #isWhole(): boolean {
    return this.#left === 0 && this.#head === 0;
  }

  #whole(): void {
    this.#ignore();
    if (this.#packed) this.#unpack(this.#packed);
    else if (this.#isStream) this.#sizes.push(headBytes + this.#length);
  }

  /**
   * Nothing is read meanwhile; then grpc-js gets a message that was never compressed. A stream waits for room, as with
   * what is still to come.
   */
  #unpack(packed: Buffer[]): void {
    this.#stream.pause();
    const begin = (): void => {
      const parts: Buffer[] = [Buffer.alloc(headBytes)];
      const take = (part: Buffer) => parts.push(part);
      const done = (error: SlipwayError | null) => this.#unpacked(parts, packed, error);
      this.#stop = unpack(packed, this.#bodies, this.#bodies.largest, take, done);
    };
    this.#packed = null;
    this.#isUnpacking = true;
    // From here on, to be stopped when the call is closed.
    this.#count();
    if (this.#hasToWait(this.#sizes.length)) this.#begin = begin;
    else begin();
  }

  #unpacked(parts: Buffer[], packed: Buffer[], error: SlipwayError | null): void {
    this.#isUnpacking = false;
    this.#came -= packed.reduce((sum, { length }) => sum + length, headBytes);
    if (error) {
      this.#refuse(error);
      return;
    }
    // grpc-js copies a message's pieces into one: another copy here would be a third.
    const length = parts.reduce((sum, part) => sum + part.length, -headBytes);
    parts[0]!.writeUInt32BE(length, 1);
    const behind = this.#behind;
    this.#behind = [];
    for (const piece of [...parts, ...behind]) this.#take(piece);
    if (this.#isEnded) this.#end();
  }

  /** Whether what there is of a stream is enough for now. */
  #hasToWait(messages: number): boolean {
    return messages > 0 && this.#bodies.isTight;
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
    if (!this.#counts) this.#stream.once('close', this.#release);
    this.#counts = true;
    this.#bodies.hold(this.#came - this.#held);
    this.#held = this.#came;
  }

  readonly #release = (): void => {
    this.#isOver = true;
    this.#stop?.();
    this.#begin = null;
    this.#behind = [];
    this.#packed = null;
    this.#came = 0;
    this.#sizes = [];
    this.#count();
    this.#ignore();
  };
}

function tooSlow(patience: number): SlipwayError {
  return new SlipwayError('TIMEOUT', `The message has not come whole within ${patience / 1000} s.`);
}
