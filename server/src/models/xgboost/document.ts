import type { ErrorCode } from '../../errors.ts';
import { SlipwayError } from '../../errors.ts';

/** A word of a parameter list: XGBoost writes its numbers there as texts. */
export type Words = Map<string, string>;

/**
 * A document that is walked once, front to back. Nothing of it is kept but what is asked for, nothing is allocated
 * by a length that the file is too short for, and whatever is not asked for is passed over without a stack.
 */
export abstract class Document {
  protected readonly bytes: Buffer;
  protected at = 0;
  private readonly file: string;
  private readonly path: (string | number)[] = [];

  constructor(bytes: Uint8Array, file: string) {
    this.bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.file = file;
  }

  /** Gives every key of the object that comes next to `visit`, which reads the key's value or leaves it. A key may stand there once. */
  object(visit: (key: string) => void): void {
    const seen = new Set<string>();
    this.beginObject();
    for (let key = this.nextKey(true); key !== null; key = this.nextKey(false)) {
      if (seen.has(key)) this.fail(`“${key.slice(0, 40)}” appears twice`);
      seen.add(key);
      this.within(key, () => visit(key));
    }
  }

  /** Calls `visit` at each value of the list that comes next; it reads the value or leaves it. */
  list(visit: (index: number) => void): void {
    this.beginList();
    for (let index = 0; this.hasNext(index); index++) this.within(index, () => visit(index));
  }

  /** The texts of the list that comes next. */
  texts(): string[] {
    const texts: string[] = [];
    this.list(() => {
      texts.push(this.word());
    });
    return texts;
  }

  /** The object that comes next, as far as its values are texts or numbers. */
  words(): Words {
    const words: Words = new Map();
    this.object((key) => {
      if (this.isWord()) words.set(key, this.word());
    });
    return words;
  }

  /** The numbers of the list that comes next; true and false are 1 and 0. */
  abstract numbers(): Float64Array;
  /** The text or number that comes next, as text. */
  abstract word(): string;
  /** Nothing follows. */
  abstract end(): void;

  protected abstract isWord(): boolean;
  protected abstract beginObject(): void;
  /** The next key, its value following; null at the object's end, which is then passed. */
  protected abstract nextKey(first: boolean): string | null;
  protected abstract beginList(): void;
  /** Whether a value comes next, the list's `index`-th; if not, the list's end is passed. */
  protected abstract hasNext(index: number): boolean;
  protected abstract skip(): void;

  private within(place: string | number, visit: () => void): void {
    this.path.push(place);
    const { at } = this;
    visit();
    if (this.at === at) this.skip();
    this.path.pop();
  }

  /** Throws FILE_BROKEN: the file, the place that is being read, and why. */
  fail(why: string): never {
    const path = this.path.length > 0 ? this.path.join('.').slice(0, 200) : `byte ${this.at}`;
    return this.broken(path, why);
  }

  broken(place: string, why: string): never {
    throw this.error('FILE_BROKEN', place, why);
  }

  unsupported(place: string, why: string, hint: string): never {
    throw this.error('FILE_UNSUPPORTED', place, why, hint);
  }

  private error(code: ErrorCode, place: string, why: string, hint?: string): SlipwayError {
    return new SlipwayError(code, `${this.file}: ${place}: ${why}.`, hint);
  }
}

/** Levels that a value which is passed over may have; XGBoost's own files have 8 in all. */
export const mostLevels = 64;
