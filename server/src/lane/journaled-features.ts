import { createHmac } from 'node:crypto';
import type { Signature } from '../signature.ts';
import type { ServedModel } from '../snapshot.ts';
import type { Frame } from '../tensor.ts';

/** Marks a feature whose values are kept as hashes only: equal values stay equal, and nothing more is known. */
export const hashMark = '#hash';

/** What of a request's features goes into the journal, by the model's privacy rules. */
export class JournaledFeatures {
  readonly names: string[];
  readonly #columns: number[];
  readonly #hashed: boolean[];
  readonly #texts: boolean[];
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
    this.#texts = kept.map((feature) => feature.type === 'string');
    this.#width = signature.features.length;
    this.#whole = kept.length === signature.features.length && !this.#hashed.includes(true);
    this.#secret = secret;
  }

  /** Column-wise float64, as the journal keeps them (values[feature * rows + row]), and the texts they index. */
  of(frame: Frame): { values: Float64Array; texts: string[] } {
    const { rows, values } = frame;
    // One row of all features is the same in both orders.
    if (rows === 1 && this.#whole) return { values: values.subarray(0, this.#width), texts: frame.texts };
    const columns = new Float64Array(this.#columns.length * rows);
    const texts: string[] = [];
    for (let i = 0; i < this.#columns.length; i++) {
      for (let row = 0; row < rows; row++) {
        const value = values[row * this.#width + this.#columns[i]!]!;
        let kept = value;
        if (this.#hashed[i]) kept = this.#hash(this.#texts[i] ? (frame.texts[value] ?? '') : String(value));
        // Only texts of kept columns are copied: a dropped one leaves no trace.
        else if (this.#texts[i] && !Number.isNaN(value)) kept = texts.push(frame.texts[value] ?? '') - 1;
        columns[i * rows + row] = kept;
      }
    }
    return { values: columns, texts };
  }

  /** 48 bits of an HMAC: an exact integer in a float64. */
  #hash(text: string): number {
    return createHmac('sha256', this.#secret).update(text).digest().readUIntBE(0, 6);
  }
}
