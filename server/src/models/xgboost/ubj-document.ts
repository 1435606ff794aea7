import { isUtf8 } from 'node:buffer';
import { Document, mostLevels } from './document.ts';

interface NumberType {
  bytes: number;
  read(view: DataView, at: number): number;
}

/** UBJSON's numbers by their marker, all big-endian. */
const numberTypes: ReadonlyMap<string, NumberType> = new Map([
  ['i', { bytes: 1, read: (view: DataView, at: number) => view.getInt8(at) }],
  ['U', { bytes: 1, read: (view: DataView, at: number) => view.getUint8(at) }],
  ['I', { bytes: 2, read: (view: DataView, at: number) => view.getInt16(at) }],
  ['l', { bytes: 4, read: (view: DataView, at: number) => view.getInt32(at) }],
  // Beyond 2^53 the nearest float64: no such number is an index or a length.
  [
    'L',
    { bytes: 8, read: (view: DataView, at: number) => view.getInt32(at) * 2 ** 32 + view.getUint32(at + 4) },
  ],
  ['d', { bytes: 4, read: (view: DataView, at: number) => view.getFloat32(at) }],
  ['D', { bytes: 8, read: (view: DataView, at: number) => view.getFloat64(at) }],
]);
const integers = 'iUIlL';

/**
 * UBJSON (Universal Binary JSON, draft 12), as far as XGBoost's `UBJReader` takes it: typed lists, lists with a
 * count, no no-ops, no numbers of high precision.
 */
export class UbjDocument extends Document {
  private readonly view: DataView;
  /** Lists that state a count have no end mark: how many values each open list still has, or null. */
  private readonly counts: (number | null)[] = [];

  constructor(bytes: Uint8Array, file: string) {
    super(bytes, file);
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  numbers(): Float64Array {
    if (this.isTyped()) {
      const { type, count } = this.typedList();
      const values = new Float64Array(count);
      for (let k = 0; k < count; k++) values[k] = type.read(this.view, this.at + k * type.bytes);
      this.at += count * type.bytes;
      return values;
    }
    const values: number[] = [];
    this.list(() => {
      values.push(this.number());
    });
    return Float64Array.from(values);
  }

  word(): string {
    return this.marker() === 'S' ? this.text() : String(this.number());
  }

  end(): void {
    if (this.at < this.bytes.length) this.fail('something follows the model');
  }

  protected isWord(): boolean {
    return this.marker() === 'S' || numberTypes.has(this.marker());
  }

  protected beginObject(): void {
    this.expect('{', 'an object');
  }

  protected nextKey(): string | null {
    if (this.marker() !== '}') return this.counted();
    this.at++;
    return null;
  }

  protected beginList(): void {
    this.expect('[', 'a list');
    if (this.marker() === '$') this.fail('is a list of numbers');
    this.counts.push(this.marker() === '#' ? this.count() : null);
  }

  protected hasNext(index: number): boolean {
    const count = this.counts.at(-1)!;
    const ends = count === null ? this.marker() === ']' : index === count;
    if (!ends) return true;
    if (count === null) this.at++;
    this.counts.pop();
    return false;
  }

  protected skip(): void {
    /** Of each open value: how many are left in a counted list; -1: an object; -2: a list up to its end mark. */
    const open: number[] = [];
    do {
      const last = open.length - 1;
      if (last >= 0 && this.closes(open[last]!)) {
        open.pop();
        continue;
      }
      if (last >= 0 && open[last] === -1) this.counted();
      else if (last >= 0 && open[last]! > 0) open[last]!--;
      const marker = this.marker();
      if (this.isTyped()) {
        const { type, count } = this.typedList();
        this.at += count * type.bytes;
      } else if (marker === '[' || marker === '{') {
        this.at++;
        open.push(marker === '{' ? -1 : this.marker() === '#' ? this.count() : -2);
        if (open.length > mostLevels) this.fail(`has more than ${mostLevels} levels`);
      } else this.passScalar(marker);
    } while (open.length > 0);
  }

  private closes(left: number): boolean {
    if (left >= 0) return left === 0;
    if (this.marker() !== (left === -1 ? '}' : ']')) return false;
    this.at++;
    return true;
  }

  private passScalar(marker: string): void {
    if (marker === 'S') this.text();
    else if (marker === 'Z' || marker === 'T' || marker === 'F') this.at++;
    else this.number();
  }

  private marker(): string {
    if (this.at >= this.bytes.length) this.fail('the file is cut off');
    return String.fromCharCode(this.bytes[this.at]!);
  }

  private expect(wanted: string, name: string): void {
    if (this.marker() !== wanted) this.fail(`${name} is missing`);
    this.at++;
  }

  private number(): number {
    const marker = this.marker();
    if (marker === 'T' || marker === 'F') {
      this.at++;
      return marker === 'T' ? 1 : 0;
    }
    const type = numberTypes.get(marker);
    if (type === undefined) return this.fail(`“${marker}” is no number’s mark`);
    return this.read(type);
  }

  private read(type: NumberType): number {
    this.at++;
    if (this.at + type.bytes > this.bytes.length) this.fail('the file is cut off');
    const value = type.read(this.view, this.at);
    this.at += type.bytes;
    return value;
  }

  private text(): string {
    this.expect('S', 'a text');
    return this.counted();
  }

  /** A length and so many bytes of UTF-8. */
  private counted(): string {
    const length = this.length();
    const text = this.bytes.subarray(this.at, this.at + length);
    if (!isUtf8(text)) this.fail('a text is not UTF-8');
    this.at += length;
    return text.toString('utf8');
  }

  /** A length in bytes, no longer than the rest of the file. */
  private length(): number {
    if (!integers.includes(this.marker())) this.fail('a length is missing');
    const length = this.number();
    const rest = this.bytes.length - this.at;
    if (length < 0 || length > rest) this.fail(`a length is ${length}, but ${rest} bytes are left`);
    return length;
  }

  private count(): number {
    this.expect('#', 'a count');
    return this.length();
  }

  private isTyped(): boolean {
    return this.marker() === '[' && this.bytes[this.at + 1] === 36;
  }

  /** Passes what stands before a typed list's numbers. */
  private typedList(): { type: NumberType; count: number } {
    this.at += 2;
    const marker = this.marker();
    const type = numberTypes.get(marker);
    if (type === undefined) return this.fail(`“${marker}” is no number’s mark`);
    this.at++;
    const count = this.count();
    const rest = this.bytes.length - this.at;
    if (count * type.bytes > rest) this.fail(`lists ${count} numbers, but ${rest} bytes are left`);
    return { type, count };
  }
}
