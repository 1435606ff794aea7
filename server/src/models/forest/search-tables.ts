import type { NumericColumn } from './columns.ts';
import { roundUp16 } from './columns.ts';
import type { Image } from './image.ts';

/** Numeric columns are searched so many at a time, so that their loads overlap. */
export const searches = 8;

/** Fields of a numeric column's record, in bytes: u32, but `limit` and `missing` f64. */
export const numericRecord = { bytes: 40, x: 0, table: 4, half: 8, from: 12, to: 16, limit: 24, missing: 32 };

/** Lays the columns' records and thresholds, for `searchColumns`. */
export function laySearchTables(image: Image, columns: NumericColumn[]): { from: number; to: number } {
  const padded = inGroups(columns);
  const from = image.take(padded.length * numericRecord.bytes);
  for (let k = 0; k < padded.length; k += searches) {
    const group = padded.slice(k, k + searches);
    const length = Math.max(...group.map((column) => tableLength(column.thresholds.length)));
    group.forEach((column, j) => {
      layNumeric(image, from + (k + j) * numericRecord.bytes, column, length);
    });
  }
  return { from, to: from + padded.length * numericRecord.bytes };
}

/** Columns of like length together, filled up to whole padded by repeating one (it writes the same answers twice). */
function inGroups(columns: NumericColumn[]): NumericColumn[] {
  const sorted = columns.toSorted((a, b) => a.thresholds.length - b.thresholds.length);
  while (sorted.length % searches !== 0) sorted.push(sorted.at(-1)!);
  return sorted;
}

/** The search halves 2^n - 1 thresholds, and NaN is ranked above all of them. */
export const tableLength = (thresholds: number): number => 2 ** (32 - Math.clz32(thresholds));

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
