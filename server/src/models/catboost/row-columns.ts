import type { Frame } from '../../tensor.ts';
import { CategoryHashes } from './category-hashes.ts';
import type { CombinationPlan } from './combinations.ts';
import type { Program } from './program.ts';
import { extended, mul, mulHigh, u64 } from './u64.ts';

/** The factor of CatBoost's `CalcHash`: h becomes factor · (h + factor · value), modulo 2^64. */
const factor = u64(0x4906ba49, 0x4954cb65);

/** Makes the forest's columns of rows with categories: hashes texts, and looks CTRs up. */
export class RowColumns {
  private readonly codes: (Map<number, number> | null)[];
  private readonly combinations: Program['combinations'];
  private readonly texts = new CategoryHashes();
  /** The present row's, by column; and factor · hash, in halves. */
  private readonly hashes: Int32Array;
  private readonly high: Int32Array;
  private readonly low: Int32Array;
  /** The present combination's hash, in halves: no object is made for it. */
  private hi = 0;
  private lo = 0;

  constructor({ columns, combinations }: Pick<Program, 'columns' | 'combinations'>) {
    this.codes = columns.map((values) => values && new Map(values.map((value, code) => [value, code])));
    this.combinations = combinations;
    this.hashes = new Int32Array(columns.length);
    this.high = new Int32Array(columns.length);
    this.low = new Int32Array(columns.length);
  }

  /** Writes the forest's columns of one row into `values`, from `to` on. */
  write({ values: given, width, texts }: Frame, row: number, values: Float64Array, to: number): void {
    const from = row * width;
    for (let column = 0; column < this.codes.length; column++) {
      const value = given[from + column]!;
      const codes = this.codes[column]!;
      if (codes === null) {
        values[to + column] = value;
        continue;
      }
      // NaN, a missing value, is the index of no text.
      const hash = this.texts.of(texts[value]);
      if (hash !== this.hashes[column]) {
        const product = mul(factor, extended(hash));
        this.high[column] = product.hi;
        this.low[column] = product.lo;
        this.hashes[column] = hash;
      }
      values[to + column] = codes.size === 0 ? -1 : (codes.get(hash) ?? -1);
    }
    let lookup = 0;
    for (const plan of this.combinations.plans) {
      this.hash(plan, values, to);
      for (const { columns } of plan.lookups) {
        const found = this.rowOf(lookup) * columns.length;
        const from = this.combinations.values[lookup]!;
        for (let k = 0; k < columns.length; k++) values[to + columns[k]!] = from[found + k]!;
        lookup++;
      }
    }
  }

  private hash({ categorical, numeric, oneHot }: CombinationPlan, values: Float64Array, from: number): void {
    this.hi = 0;
    this.lo = 0;
    for (const column of categorical) this.mix(this.high[column]!, this.low[column]!);
    for (const { column, border, missing } of numeric) {
      const value = Math.fround(values[from + column]!);
      this.mixTruth(value > border || (missing === 'AsTrue' && Number.isNaN(value)));
    }
    for (const { column, value } of oneHot) this.mixTruth(this.hashes[column] === value);
  }

  private mixTruth(isTrue: boolean): void {
    if (isTrue) this.mix(factor.hi, factor.lo);
    else this.mix(0, 0);
  }

  /** Mixes in a value, given as factor · value. */
  private mix(high: number, low: number): void {
    const lo = (this.lo + low) | 0;
    const carry = lo >>> 0 < low >>> 0 ? 1 : 0;
    const hi = (this.hi + high + carry) | 0;
    this.hi = (Math.imul(hi, factor.lo) + Math.imul(lo, factor.hi) + mulHigh(lo, factor.lo)) | 0;
    this.lo = Math.imul(lo, factor.lo);
  }

  /** 0 if the hash is not in the table. */
  private rowOf(lookup: number): number {
    const slots = this.combinations.slots[lookup]!;
    const mask = slots.length / 3 - 1;
    const hi = this.hi >>> 0;
    const lo = this.lo >>> 0;
    for (let at = lo & mask; slots[3 * at + 2] !== 0; at = (at + 1) & mask) {
      if (slots[3 * at] === hi && slots[3 * at + 1] === lo) return slots[3 * at + 2]!;
    }
    return 0;
  }
}
