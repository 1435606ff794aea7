import { isUtf8 } from 'node:buffer';
import { Document, mostLevels } from './document.ts';

const char = (text: string): number => text.charCodeAt(0);
const [quote, backslash, comma, colon] = [char('"'), char('\\'), char(','), char(':')];
const [openList, closeList, openObject, closeObject] = [char('['), char(']'), char('{'), char('}')];
const [minus, plus, point, zero, nine] = [char('-'), char('+'), char('.'), char('0'), char('9')];
const [lowerE, upperE] = [char('e'), char('E')];
const powers = Array.from({ length: 23 }, (_, k) => Number(`1e${k}`));

/** JSON text (RFC 8259), as UTF-8 with or without its mark. */
export class JsonDocument extends Document {
  private scratch = new Float64Array(1024);

  constructor(bytes: Uint8Array, file: string) {
    super(bytes, file);
    if (!isUtf8(bytes)) this.fail('the file is not UTF-8');
    if (this.bytes.subarray(0, 3).toString('hex') === 'efbbbf') this.at = 3;
  }

  numbers(): Float64Array {
    this.expect(openList, 'a list of numbers');
    if (this.peek() === closeList) {
      this.at++;
      return new Float64Array();
    }
    for (let count = 0; ; ) {
      if (count === this.scratch.length) {
        const larger = new Float64Array(2 * count);
        larger.set(this.scratch);
        this.scratch = larger;
      }
      this.scratch[count++] = this.number();
      const next = this.peek();
      this.at++;
      if (next === closeList) return this.scratch.slice(0, count);
      if (next !== comma) this.fail(`“,” or “]” is missing after ${count} numbers`);
    }
  }

  word(): string {
    return this.peek() === quote ? this.text() : String(this.number());
  }

  end(): void {
    if (this.peek() !== undefined) this.fail('something follows the model');
  }

  protected isWord(): boolean {
    const next = this.peek();
    return next === quote || next === minus || isDigit(next);
  }

  protected beginObject(): void {
    this.expect(openObject, 'an object');
  }

  protected nextKey(first: boolean): string | null {
    if (this.closes(closeObject, first)) return null;
    const key = this.text();
    this.expect(colon, '“:”');
    this.peek();
    return key;
  }

  protected beginList(): void {
    this.expect(openList, 'a list');
  }

  protected hasNext(index: number): boolean {
    if (this.closes(closeList, index === 0)) return false;
    this.peek();
    return true;
  }

  /** Brackets match and texts end; numbers are not looked at. */
  protected skip(): void {
    const open: number[] = [];
    do {
      const next = this.peek();
      if (next === quote) this.passText();
      else if (next === openList || next === openObject) {
        if (open.push(next + 2) > mostLevels) this.fail(`has more than ${mostLevels} levels`);
        this.at++;
      } else if (next === closeList || next === closeObject) {
        if (open.pop() !== next) this.fail('its brackets do not match');
        this.at++;
      } else if (next === undefined) this.fail('the file is cut off');
      else if (open.length > 0 && (next === comma || next === colon)) this.at++;
      else this.passScalar();
    } while (open.length > 0);
  }

  private passScalar(): void {
    const from = this.at;
    while (isScalar(this.bytes[this.at])) this.at++;
    if (this.at === from) this.fail('a value is missing');
  }

  /** Whether a list or object ends here; else passes the comma before its next member. */
  private closes(bracket: number, first: boolean): boolean {
    const next = this.peek();
    if (next === bracket) {
      this.at++;
      return true;
    }
    if (!first) this.expect(comma, '“,”');
    return false;
  }

  /** The next byte that is no space, which then is the present one; undefined at the file's end. */
  private peek(): number | undefined {
    let next = this.bytes[this.at];
    while (next === 32 || next === 10 || next === 13 || next === 9) next = this.bytes[++this.at];
    return next;
  }

  private expect(wanted: number, name: string): void {
    const next = this.peek();
    if (next === wanted) this.at++;
    else this.fail(next === undefined ? 'the file is cut off' : `${name} is missing`);
  }

  private text(): string {
    if (this.peek() !== quote) this.fail('a text is missing');
    const from = this.at;
    if (!this.passText()) return this.bytes.toString('utf8', from + 1, this.at - 1);
    try {
      return JSON.parse(this.bytes.toString('utf8', from, this.at)) as string;
    } catch {
      return this.fail('a text has an escape that JSON does not have');
    }
  }

  /** Returns whether there is an escape in the text. */
  private passText(): boolean {
    let escaped = false;
    for (let at = this.at + 1; ; at++) {
      const next = this.bytes[at];
      if (next === quote) {
        this.at = at + 1;
        return escaped;
      }
      if (next === backslash) {
        escaped = true;
        at++;
      } else if (next === undefined || next < 32) this.fail('a text does not end');
    }
  }

  private number(): number {
    const first = this.peek();
    const from = this.at;
    const { bytes } = this;
    let at = from;
    if (first === minus) at++;
    let digits = 0;
    let mantissa = 0;
    let scale = 0;
    const begin = at;
    for (; isDigit(bytes[at]); at++) {
      mantissa = mantissa * 10 + bytes[at]! - zero;
      digits++;
    }
    if (bytes[at] === point) {
      for (at++; isDigit(bytes[at]); at++) {
        mantissa = mantissa * 10 + bytes[at]! - zero;
        digits++;
        scale--;
      }
    }
    if (digits === 0 || !isDigit(bytes[begin])) return this.namedNumber();
    if (bytes[at] === lowerE || bytes[at] === upperE) {
      at++;
      const isNegative = bytes[at] === minus;
      if (isNegative || bytes[at] === plus) at++;
      if (!isDigit(bytes[at])) this.fail('a number has no exponent after its “e”');
      let exponent = 0;
      for (; isDigit(bytes[at]); at++) exponent = Math.min(9999, exponent * 10 + bytes[at]! - zero);
      scale += isNegative ? -exponent : exponent;
    }
    this.at = at;
    // Exact: both operands are whole numbers below 2^53, or powers of ten that are (Clinger 1990).
    if (digits <= 15 && scale >= -22 && scale <= 22) {
      const value = scale < 0 ? mantissa / powers[-scale]! : mantissa * powers[scale]!;
      return first === minus ? -value : value;
    }
    return Number(bytes.toString('latin1', from, at));
  }

  /** XGBoost writes what JSON has no number for as JavaScript would: NaN where nothing splits. */
  private namedNumber(): number {
    const found = this.bytes.toString('latin1', this.at, this.at + 20).match(/^[\w.+-]*/)![0];
    const value = wordValues.get(found);
    if (value === undefined)
      return this.fail(found === '' ? 'a number is missing' : `“${found}” is no number`);
    this.at += found.length;
    return value;
  }
}

const wordValues: ReadonlyMap<string, number> = new Map([
  ['true', 1],
  ['false', 0],
  ['NaN', Number.NaN],
  ['Infinity', Number.POSITIVE_INFINITY],
  ['-Infinity', Number.NEGATIVE_INFINITY],
]);

const isDigit = (byte: number | undefined): boolean => byte !== undefined && byte >= zero && byte <= nine;

/** What numbers, true, false and null are made of. */
const isScalar = (byte: number | undefined): boolean =>
  byte !== undefined &&
  (isDigit(byte) ||
    byte === minus ||
    byte === plus ||
    byte === point ||
    (byte >= 65 && byte <= 122 && byte !== openList && byte !== closeList && byte !== backslash));
