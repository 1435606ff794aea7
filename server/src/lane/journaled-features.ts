import { createHmac } from 'node:crypto';
import { isText, longColumns, type Signature } from '../signature.ts';
import type { ServedModel } from '../snapshot.ts';
import type { Frame } from '../tensor.ts';
import { intoTexts, isInTexts, textAt } from '../texts.ts';

/** Marks a feature whose values are kept as hashes only: equal values stay equal, and nothing more is known. */
export const hashMark = '#hash';

/** Requests of up to so many rows are turned round in the same place. */
const sharedRows = 32;

/** What of a request's features goes into the journal, by the model's privacy rules. */
export class JournaledFeatures {
  readonly names: string[];
  /** Of how many features hashes are kept. */
  readonly hashes: number;
  readonly #columns: number[];
  readonly #hashed: boolean[];
  readonly #texts: boolean[];
  /** Whether a column may hold whole numbers that are in texts. */
  readonly #longs: boolean[];
  /** Used again by every request of few rows. */
  readonly #shared: Float64Array;
  readonly #width: number;
  readonly #whole: boolean;
  readonly #secret: string;

  /** `secret`: this data folder's own, so that hashes cannot be looked up elsewhere. */
  constructor(signature: Signature, privacy: ServedModel['privacy'], secret: string) {
    const kept = signature.features
      .map((feature, column) => ({ ...feature, column, hashed: privacy.hash.includes(feature.name) }))
      .filter((feature) => !privacy.drop.includes(feature.name));
    this.names = kept.map((feature) => (feature.hashed ? feature.name + hashMark : feature.name));
    this.#columns = kept.map((feature) => feature.column);
    this.#hashed = kept.map((feature) => feature.hashed);
    this.hashes = this.#hashed.filter(Boolean).length;
    this.#texts = kept.map(isText);
    const longs = longColumns(signature.inputs);
    this.#longs = kept.map((feature) => longs.includes(feature.column));
    this.#shared = new Float64Array(kept.length * sharedRows);
    this.#width = signature.features.length;
    this.#whole = kept.length === signature.features.length && !this.#hashed.includes(true);
    this.#secret = secret;
  }

  /**
   * Column-wise float64, as the journal keeps them (values[feature * rows + row]), and the texts they index. The
   * values are valid until the next call: the journal copies them.
   */
  of(frame: Frame): { values: Float64Array; texts: string[] } {
    const { rows, values } = frame;
    // One row of all features is the same in both orders.
    if (rows === 1 && this.#whole) return { values: values.subarray(0, this.#width), texts: frame.texts };
    const count = this.#columns.length * rows;
    const columns = count <= this.#shared.length ? this.#shared : new Float64Array(count);
    const texts: string[] = [];
    for (let i = 0, to = 0; i < this.#columns.length; i++) {
      let from = this.#columns[i]!;
      if (this.#hashed[i] || this.#texts[i] || (this.#longs[i] && frame.texts.length > 0)) {
        for (let row = 0; row < rows; row++, from += this.#width) {
          columns[to++] = this.#kept(values[from]!, i, frame.texts, texts);
        }
      } else for (let row = 0; row < rows; row++, from += this.#width) columns[to++] = values[from]!;
    }
    return { values: columns.subarray(0, count), texts };
  }

  /** Of a column that is hashed, text or long. Only texts of kept columns are copied: a dropped one leaves no trace. */
  #kept(value: number, i: number, given: string[], texts: string[]): number {
    const isInteger = this.#longs[i] && isInTexts(value);
    const text = isInteger ? textAt(value, given) : this.#texts[i] ? (given[value] ?? '') : String(value);
    if (this.#hashed[i]) return this.#hash(text);
    if (isInteger) return intoTexts(text, texts);
    return this.#texts[i] && !Number.isNaN(value) ? texts.push(text) - 1 : value;
  }

  /** 48 bits of an HMAC: an exact integer in a float64. */
  #hash(text: string): number {
    return createHmac('sha256', this.#secret).update(text).digest().readUIntBE(0, 6);
  }
}
