import type { CategoryColumn, NumericColumn } from './columns.ts';
import { roundUp16 } from './columns.ts';
import type { Forest } from './forest.ts';
import { Rule } from './forest.ts';
import type { Image } from './image.ts';

/** Numeric columns are searched so many at a time, so that their loads overlap. */
export const searches = 8;
/** A right answer is the distance from a left child's slot to its right sibling's. */
export const right = 8;

/** Fields of a numeric column's record, in bytes: u32, but `limit` and `missing` f64. */
export const numericRecord = { bytes: 40, x: 0, table: 4, half: 8, from: 12, to: 16, limit: 24, missing: 32 };
/** Fields of a category column's record, all u32. */
export const categoryRecord = { bytes: 24, x: 0, codes: 4, table: 8, stride: 12, from: 16, to: 20 };

export interface AnswerTables {
  numeric: number;
  numericEnd: number;
  category: number;
  categoryEnd: number;
  /** Before this address lie right answers, from it on left ones, as many as any column has: a window is a column's answers. */
  stairs: number;
}

export function layAnswerTables(
  image: Image,
  forest: Forest,
  numeric: NumericColumn[],
  category: CategoryColumn[],
): AnswerTables {
  const padded = inGroups(numeric);
  const longest = numeric.reduce((most, column) => Math.max(most, tableLength(column.thresholds.length)), 16);
  const stairsBegin = image.take(2 * longest);
  image.fill(stairsBegin, stairsBegin + longest, right);

  const numericAt = image.take(padded.length * numericRecord.bytes);
  for (let k = 0; k < padded.length; k += searches) {
    const group = padded.slice(k, k + searches);
    const length = Math.max(...group.map((column) => tableLength(column.thresholds.length)));
    group.forEach((column, j) => {
      layNumeric(image, numericAt + (k + j) * numericRecord.bytes, column, length);
    });
  }
  const categoryAt = image.take(category.length * categoryRecord.bytes);
  category.forEach((column, k) => {
    layCategory(image, categoryAt + k * categoryRecord.bytes, forest, column);
  });
  return {
    numeric: numericAt,
    numericEnd: numericAt + padded.length * numericRecord.bytes,
    category: categoryAt,
    categoryEnd: categoryAt + category.length * categoryRecord.bytes,
    stairs: stairsBegin + longest,
  };
}

/** Columns of like length together, filled up to whole padded by repeating one (it writes the same answers twice). */
function inGroups(columns: NumericColumn[]): NumericColumn[] {
  const sorted = columns.toSorted((a, b) => a.thresholds.length - b.thresholds.length);
  while (sorted.length % searches !== 0) sorted.push(sorted.at(-1)!);
  return sorted;
}

/** The search halves 2^n - 1 thresholds, and NaN is ranked above all of them. */
const tableLength = (thresholds: number): number => 2 ** (32 - Math.clz32(thresholds));

/** Infinity fills the table up: every number is less or equal. */
function layNumeric(image: Image, at: number, column: NumericColumn, length: number): void {
  const { thresholds, first } = column;
  const table = image.take(8 * length);
  for (let k = 0; k < length; k++) image.f64(table + 8 * k, thresholds[k] ?? Infinity);
  image.u32(at + numericRecord.x, 8 * column.feature);
  image.u32(at + numericRecord.table, table - 8);
  image.u32(at + numericRecord.half, 4 * length);
  image.u32(at + numericRecord.from, first);
  image.u32(at + numericRecord.to, first + roundUp16(thresholds.length));
  image.f64(at + numericRecord.limit, column.limit);
  image.f64(at + numericRecord.missing, column.missing);
}

/** A row of bits a code (bit k: split k answers right), then the row of every other code, then that of NaN. */
function layCategory(image: Image, at: number, forest: Forest, column: CategoryColumn): void {
  const { codes, splits, first } = column;
  const stride = roundUp16(splits.length) / 8;
  const table = image.take(stride * (codes + 2));
  const missingRow = table + stride * (codes + 1);
  splits.forEach((node, k) => {
    const rule = forest.rule[node]!;
    if ((rule & Rule.setLeft) !== 0) image.flipBit(table, k);
    if ((rule & Rule.defaultLeft) === 0) image.flipBit(missingRow, k);
  });
  // Now the first row answers for a code in no set. All others begin as it, and differ where a set has them.
  image.repeat(table, stride, codes + 1);
  splits.forEach((node, k) => {
    const from = forest.sets.start[forest.threshold[node]!]!;
    const words = forest.sets.words.subarray(from, forest.sets.start[forest.threshold[node]! + 1]!);
    words.forEach((word, index) => {
      for (let rest = word; rest !== 0; rest &= rest - 1) {
        image.flipBit(table + stride * (32 * index + 31 - Math.clz32(rest & -rest)), k);
      }
    });
  });
  image.u32(at + categoryRecord.x, 8 * column.feature);
  image.u32(at + categoryRecord.codes, codes);
  image.u32(at + categoryRecord.table, table);
  image.u32(at + categoryRecord.stride, stride);
  image.u32(at + categoryRecord.from, first);
  image.u32(at + categoryRecord.to, first + roundUp16(splits.length));
}
