import type { ErrorCode } from '../../errors.ts';
import { SlipwayError } from '../../errors.ts';

/** A LightGBM text file, line by line. Nothing is decoded but what is asked for; line ends may be Windows'. */
export class LightgbmText {
  /** Number of the present line, from 1. */
  line = 0;
  readonly file: string;
  private readonly bytes: Buffer;
  private from = 0;
  private to = -1;
  private end = -1;

  constructor(bytes: Uint8Array, file: string) {
    this.bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.file = file;
  }

  /** Moves to the next line; false at the end of the file. */
  next(): boolean {
    this.from = this.end + 1;
    if (this.from >= this.bytes.length) return false;
    const found = this.bytes.indexOf(10, this.from);
    this.end = found < 0 ? this.bytes.length : found;
    this.to = this.end > this.from && this.bytes[this.end - 1] === 13 ? this.end - 1 : this.end;
    this.line++;
    return true;
  }

  /** The present line. */
  text(): string {
    return this.bytes.toString('utf8', this.from, this.to);
  }

  isBlank(): boolean {
    return this.to === this.from;
  }

  /** What stands before the line's first "=" (all of it, at most 64 characters, if there is none), and where its value lies. */
  field(): { key: string; value: Value | null } {
    const found = this.bytes.subarray(this.from, this.to).indexOf(61);
    const keyEnd = found < 0 ? this.to : this.from + found;
    const key = this.bytes.toString('latin1', this.from, Math.min(keyEnd, this.from + 64));
    return { key, value: found < 0 ? null : { from: keyEnd + 1, to: this.to } };
  }

  /** The text of a value. Numbers are ASCII; names are UTF-8. */
  valueText({ from, to }: Value, encoding: 'latin1' | 'utf8'): string {
    return this.bytes.toString(encoding, from, to);
  }

  broken(place: string, why: string): SlipwayError {
    return this.error('FILE_BROKEN', place, why);
  }

  unsupported(place: string, why: string, hint: string): SlipwayError {
    return this.error('FILE_UNSUPPORTED', place, why, hint);
  }

  private error(code: ErrorCode, place: string, why: string, hint?: string): SlipwayError {
    return new SlipwayError(code, `${this.file}: ${place}: ${why}.`, hint);
  }
}

/** Bytes of a value in the file. */
export interface Value {
  from: number;
  to: number;
}

const plain = { float: /^[-+.0-9eE ]*$/, integer: /^[-0-9 ]*$/ };

/**
 * Exactly `count` finite numbers, separated by spaces; integers within int32 or uint32; a threshold may be infinite.
 * Fails through `fail` with what is wrong. Nothing is allocated by a count that the text is too short for.
 */
export function numbers(
  text: string,
  count: number,
  type: 'float' | 'threshold' | 'int32' | 'uint32',
  fail: (why: string) => never,
): Float64Array {
  if (count > (text.length + 1) / 2) fail(`has fewer than ${count} numbers`);
  const isInteger = type === 'int32' || type === 'uint32';
  const kind = isInteger ? plain.integer : plain.float;
  const low = type === 'int32' ? -(2 ** 31) : type === 'uint32' ? 0 : -Number.MAX_VALUE;
  const high = type === 'int32' ? 2 ** 31 - 1 : type === 'uint32' ? 2 ** 32 - 1 : Number.MAX_VALUE;
  const isPlain = kind.test(text);
  const values = new Float64Array(count);
  let k = 0;
  for (let from = 0; from < text.length; ) {
    let to = text.indexOf(' ', from);
    if (to < 0) to = text.length;
    if (to > from) {
      const token = text.slice(from, to);
      let value = Number(token);
      // Also false for NaN. The kind matters because Number() takes "0x1f" and "Infinity" too.
      const fits = value >= low && value <= high && (isPlain || kind.test(token));
      if (!fits) {
        if (type !== 'threshold' || !/^-?inf$/.test(token)) {
          fail(`“${token.slice(0, 40)}” is no ${isInteger ? 'integer in range' : 'finite number'}`);
        }
        // LightGBM divides NaN from all else by x <= inf.
        value = token === 'inf' ? Infinity : -Infinity;
      }
      if (k === count) fail(`has more than ${count} numbers`);
      values[k++] = value;
    }
    from = to + 1;
  }
  if (k < count) fail(`has ${k} numbers instead of ${count}`);
  return values;
}
