import type { CategoryColumn, NumericColumn } from './columns.ts';
import { roundUp16 } from './columns.ts';
import type { Forest } from './forest.ts';
import { Rule } from './forest.ts';
import type { Image } from './image.ts';
import { laySearchTables, tableLength } from './search-tables.ts';

/** A right answer is the distance from a left child's slot to its right sibling's. */
export const right = 8;

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
  const longest = numeric.reduce((most, column) => Math.max(most, tableLength(column.thresholds.length)), 16);
  const stairsBegin = image.take(2 * longest);
  image.fill(stairsBegin, stairsBegin + longest, right);

  const search = laySearchTables(image, numeric);
  const categoryAt = image.take(category.length * categoryRecord.bytes);
  category.forEach((column, k) => {
    layCategory(image, categoryAt + k * categoryRecord.bytes, forest, column);
  });
  return {
    numeric: search.from,
    numericEnd: search.to,
    category: categoryAt,
    categoryEnd: categoryAt + category.length * categoryRecord.bytes,
    stairs: stairsBegin + longest,
  };
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
