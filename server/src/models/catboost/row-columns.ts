import type { Frame } from '../../tensor.ts';
import { CategoryHashes } from './category-hashes.ts';
import type { CombinationPlan } from './combinations.ts';
import type { Program } from './program.ts';
import type { U64 } from './u64.ts';
import { add, extended, mul, u64 } from './u64.ts';

/** What a row's hash begins with, and the factor of CatBoost's `CalcHash`. */
const zero = u64(0, 0);
const factor = u64(0x4906ba49, 0x4954cb65);

const mixed = (hash: U64, value: number): U64 => mul(factor, add(hash, mul(factor, extended(value))));

/** Makes the forest's columns of rows with categories: hashes texts, and looks CTRs up. */
export class RowColumns {
  private readonly codes: (Map<number, number> | null)[];
  private readonly combinations: Program['combinations'];
  private readonly texts = new CategoryHashes();
  /** The present row's, by column. */
  private readonly hashes: Int32Array;

  constructor({ columns, combinations }: Program) {
    this.codes = columns.map((values) => values && new Map(values.map((value, code) => [value, code])));
    this.combinations = combinations;
    this.hashes = new Int32Array(columns.length);
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
      this.hashes[column] = hash;
      values[to + column] = codes.get(hash) ?? -1;
    }
    let lookup = 0;
    for (const plan of this.combinations.plans) {
      const hash = this.hash(plan, values, to);
      for (const { columns } of plan.lookups) {
        const found = this.rowOf(hash, lookup) * columns.length;
        const from = this.combinations.values[lookup]!;
        for (let k = 0; k < columns.length; k++) values[to + columns[k]!] = from[found + k]!;
        lookup++;
      }
    }
  }

  private hash({ categorical, numeric, oneHot }: CombinationPlan, values: Float64Array, from: number): U64 {
    let hash = zero;
    for (const column of categorical) hash = mixed(hash, this.hashes[column]!);
    for (const { column, border, missing } of numeric) {
      const value = Math.fround(values[from + column]!);
      hash = mixed(hash, value > border || (missing === 'AsTrue' && Number.isNaN(value)) ? 1 : 0);
    }
    for (const { column, value } of oneHot) hash = mixed(hash, this.hashes[column] === value ? 1 : 0);
    return hash;
  }

  /** 0 if the hash is not in the table. */
  private rowOf(hash: U64, lookup: number): number {
    const slots = this.combinations.slots[lookup]!;
    const mask = slots.length / 3 - 1;
    const [hi, lo] = [hash.hi >>> 0, hash.lo >>> 0];
    for (let at = lo & mask; slots[3 * at + 2] !== 0; at = (at + 1) & mask) {
      if (slots[3 * at] === hi && slots[3 * at + 1] === lo) return slots[3 * at + 2]!;
    }
    return 0;
  }
}
