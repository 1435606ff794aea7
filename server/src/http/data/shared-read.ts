import { Socket } from 'node:net';

/** As much as a socket's stream would bring at once, bytes. */
const length = 64 * 1024;
/** All connections are read into it, one after the other. */
const shared = Buffer.allocUnsafeSlow(length);
/**
 * What is read may hold a turn of the event loop for so long, and what was kept from the one before for as long again,
 * ms: there may be thousands of requests in a buffer.
 */
const turnMs = 50;

/** Where node:net keeps what `onread` of net.Socket's options says: its servers have no such option. */
const [bufferKey, callbackKey] = ['kBuffer', 'kBufferCb'].map((name) =>
  Object.getOwnPropertySymbols(new Socket()).find(({ description }) => description === name),
);

interface ReadSocket {
  _handle: { useUserBuffer?(buffer: Uint8Array): void } | null;
  [key: symbol]: unknown;
}

/**
 * Reads a connection that a server has accepted as `onread` of net.Socket's options has it: into one buffer for all, so
 * that what is let fall has taken no memory, where 'data' events bring a buffer each. `read` has its bytes until it
 * returns; what comes when a turn has been held for long is kept for the next, and nothing is read after it.
 * false: this Node keeps it elsewhere, and they come as 'data' as ever.
 */
export function readShared(socket: Socket, read: (chunk: Buffer) => void): boolean {
  const inner = socket as unknown as ReadSocket;
  if (!bufferKey || !callbackKey || !inner._handle?.useUserBuffer) return false;
  const reading = new Reading(socket, read);
  inner[bufferKey] = shared;
  inner[callbackKey] = (count: number): boolean => reading.take(shared.subarray(0, count));
  inner._handle.useUserBuffer(shared);
  return true;
}

/** Connections of which something waits for a turn that has time for it. */
export function unread(): number {
  return turn.waiting;
}

class Reading {
  readonly #socket: Socket;
  readonly #read: (chunk: Buffer) => void;
  #kept: Buffer[] = [];

  constructor(socket: Socket, read: (chunk: Buffer) => void) {
    this.#socket = socket;
    this.#read = read;
  }

  /** Returns whether the connection is to be read on. */
  take(chunk: Buffer): boolean {
    if (this.#kept.length === 0 && !turn.isSpent()) {
      this.#read(chunk);
      return true;
    }
    if (this.#kept.push(Buffer.from(chunk)) === 1) turn.next(this.#again);
    return false;
  }

  readonly #again = (): void => {
    const socket = this.#socket;
    if (socket.destroyed) return;
    // Its answers wait to be sent: node:http must not be given more until then.
    if (socket.isPaused()) {
      socket.once('resume', () => turn.next(this.#again));
      return;
    }
    const [chunk] = this.#kept.splice(0, 1);
    this.#read(chunk!);
    if (this.#kept.length > 0) turn.next(this.#again);
    else if (!socket.isPaused()) socket.resume();
  };
}

/** How long what was read has held this turn of the event loop, and what waits for the next. */
class Turn {
  #began = 0;
  #isOpen = false;
  #waiting: (() => void)[] = [];

  get waiting(): number {
    return this.#waiting.length;
  }

  isSpent(): boolean {
    if (this.#isOpen) return performance.now() - this.#began > turnMs;
    this.#open();
    return false;
  }

  next(work: () => void): void {
    this.#waiting.push(work);
  }

  #open(): void {
    this.#began = performance.now();
    this.#isOpen = true;
    setImmediate(this.#end);
  }

  /** Those that have waited come before all that is read next. */
  readonly #end = (): void => {
    this.#isOpen = false;
    if (this.#waiting.length === 0) return;
    this.#open();
    const waiting = this.#waiting;
    this.#waiting = [];
    let at = 0;
    while (at < waiting.length && !this.isSpent()) waiting[at++]!();
    this.#waiting.unshift(...waiting.slice(at));
  };
}

const turn = new Turn();
