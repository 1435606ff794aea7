import type { Code, Local, Locals } from '../../wasm.ts';
import { f64, i32, repeatWhile, select } from '../../wasm.ts';
import { numericRecord, searches } from './search-tables.ts';

/**
 * Ranks the values of `searches` columns among their thresholds by halving; `column` is the first one's record.
 * `search` must run before a `rank` is read: how many thresholds the value is above. NaN is above all.
 */
export function searchColumns(
  locals: Locals,
  x: Code,
  column: Local,
  compare: 'float64' | 'float32',
): { search: Code; ranks: { rank: Code; offset: number }[] } {
  const half = locals.new('i32');
  const each = Array.from({ length: searches }, (_, j) => ({
    value: locals.new('f64'),
    found: locals.new('i32'),
    offset: j * numericRecord.bytes,
  }));
  const raw = (offset: number): Code => {
    const value = f64.load(i32.add(x, i32.load(column, offset + numericRecord.x)));
    return compare === 'float32' ? f64.round32(value) : value;
  };
  const search = [
    each.map(({ value, found, offset }) => [
      value.set(raw(offset)),
      value.set(
        select(
          value,
          f64.load(column, offset + numericRecord.missing),
          f64.greater(f64.abs(value), f64.load(column, offset + numericRecord.limit)),
        ),
      ),
      found.set(i32.load(column, offset + numericRecord.table)),
    ]),
    half.set(i32.load(column, numericRecord.half)),
    repeatWhile(
      [
        // found += half unless the value is <= the threshold there: 0 - 1 has all bits set, 1 - 1 none. Never so for NaN.
        each.map(({ value, found }) => {
          const isLeft = f64.lessOrEqual(value, f64.load(i32.add(found, half)));
          return found.set(i32.add(found, i32.and(half, i32.sub(isLeft, i32.const(1)))));
        }),
        half.set(i32.shiftRight(half, i32.const(1))),
      ],
      i32.greaterOrEqual(half, i32.const(8)),
    ),
  ];
  const ranks = each.map(({ found, offset }) => ({
    rank: i32.shiftRight(i32.sub(found, i32.load(column, offset + numericRecord.table)), i32.const(3)),
    offset,
  }));
  return { search, ranks };
}
