import type { Frame } from '../tensor.ts';
import type { Flight } from './flight.ts';

/** What an entry takes besides its key and answers, bytes (measured: 213 to 269). */
const entryBytes = 256;
/** Of one text besides its characters, bytes. */
const textBytes = 24;
/** One request's rows take at most this share of a cache. */
const mostShare = 1 / 8;

/** A request's rows answered. */
export interface Kept {
  answers: Float64Array;
  texts: string[];
}

/** Answers of one version by the content of the rows that they belong to: bounded, the longest unused goes first. */
export class AnswerCache {
  #mostBytes: number;
  #bytes = 0;
  /** In the order of their last use. */
  readonly #entries = new Map<string, Kept>();
  /** At the one whose last use is the longest ago: a new one would first go past all that were removed or used since. */
  readonly #oldest = this.#entries.entries();
  /** What is being answered, by the same keys. */
  readonly flights = new Map<string, Flight>();

  constructor(mostBytes: number) {
    this.#mostBytes = mostBytes;
  }

  set mostBytes(mostBytes: number) {
    this.#mostBytes = mostBytes;
    this.#makeRoom();
  }

  /** Of all entries, as they are counted against the bound. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Not to be written to. */
  find(key: string): Kept | null {
    const kept = this.#entries.get(key);
    if (!kept) return null;
    this.#entries.delete(key);
    this.#entries.set(key, kept);
    return kept;
  }

  /** Keeps a copy; returns whether there is room for it. */
  keep(key: string, given: Kept): boolean {
    const bytes = sizeOf(key, given);
    if (bytes > this.#mostBytes * mostShare) return false;
    const before = this.#entries.get(key);
    if (before) {
      this.#entries.delete(key);
      this.#bytes -= sizeOf(key, before);
    }
    this.#entries.set(key, { answers: given.answers.slice(), texts: given.texts.slice() });
    this.#bytes += bytes;
    this.#makeRoom();
    return true;
  }

  clear(): void {
    this.#entries.clear();
    this.flights.clear();
    this.#bytes = 0;
  }

  #makeRoom(): void {
    while (this.#bytes > this.#mostBytes) {
      const [key, kept] = this.#oldest.next().value!;
      this.#entries.delete(key);
      this.#bytes -= sizeOf(key, kept);
    }
  }
}

/**
 * All that a model sees of a request, to the bit, a byte a character: no digest, so that no two requests ever share a
 * key. −0 is not 0 here, as it is not to every model.
 */
export function contentKey({ rows, width, values, texts }: Frame): string {
  const bytes = Buffer.from(values.buffer, values.byteOffset, rows * width * Float64Array.BYTES_PER_ELEMENT);
  const numbers = bytes.toString('latin1');
  return texts.length === 0 ? numbers : numbers + Buffer.from(JSON.stringify(texts)).toString('latin1');
}

function sizeOf(key: string, { answers, texts }: Kept): number {
  let size = key.length + answers.byteLength + entryBytes;
  for (const text of texts) size += textBytes + 2 * text.length;
  return size;
}
