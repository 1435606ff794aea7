import type { Code, Local, Locals, WasmFunction } from '../../wasm.ts';
import { bytes16, f64, i32, loopWhile, repeatWhile, select, step, wasmFunction } from '../../wasm.ts';
import type { AnswerTables } from './answer-tables.ts';
import { categoryRecord, right } from './answer-tables.ts';
import { searchColumns } from './code-search.ts';
import { numericRecord, searches } from './search-tables.ts';

/**
 * `answer(x, lane)`: answers every split of the forest for the row at address x, into the answers that begin
 * `lane` bytes after `answers`. The cost grows with the columns, hardly with the trees.
 */
export function answerFunction(
  tables: AnswerTables,
  answers: number,
  compare: 'float64' | 'float32',
): WasmFunction {
  return wasmFunction('answer', ['i32', 'i32'], [], (locals, x, lane) => {
    const column = locals.new('i32');
    const walk = { tables, answers, compare, x: x!, lane: lane!, column };
    return [
      column.set(i32.const(tables.numeric)),
      loopWhile(i32.less(column, i32.const(tables.numericEnd)), [
        answerNumeric(locals, walk),
        step(column, searches * numericRecord.bytes),
      ]),
      column.set(i32.const(tables.category)),
      loopWhile(i32.less(column, i32.const(tables.categoryEnd)), [
        answerCategory(locals, walk),
        step(column, categoryRecord.bytes),
      ]),
    ];
  });
}

interface Answering {
  tables: AnswerTables;
  answers: number;
  compare: 'float64' | 'float32';
  x: Local;
  lane: Local;
  /** The record of the column (numeric: of the first of `searches`). */
  column: Local;
}

/** Ranks the values of `searches` columns among their thresholds, then copies each one's window of the stairs. */
function answerNumeric(locals: Locals, { tables, answers, compare, x, lane, column }: Answering): Code {
  const from = locals.new('i32');
  const to = locals.new('i32');
  const stair = locals.new('i32');
  const { search, ranks } = searchColumns(locals, x, column, compare);
  return [
    search,
    ranks.map(({ rank, offset }) => [
      stair.set(i32.sub(i32.const(tables.stairs), rank)),
      from.set(i32.add(lane, i32.load(column, offset + numericRecord.from))),
      to.set(i32.add(lane, i32.load(column, offset + numericRecord.to))),
      repeatWhile(
        [bytes16.store(from, bytes16.load(stair), answers), step(stair, 16), step(from, 16)],
        i32.less(from, to),
      ),
    ]),
  ];
}

/** Finds the code's row of bits and spreads it to bytes, sixteen at a time. */
function answerCategory(locals: Locals, { answers, compare, x, lane, column }: Answering): Code {
  const value = locals.new('f64');
  const code = locals.new('i32');
  const bits = locals.new('i32');
  const from = locals.new('i32');
  const to = locals.new('i32');
  const raw = f64.load(i32.add(x, i32.load(column, categoryRecord.x)));
  const codes = i32.load(column, categoryRecord.codes);
  const eachBit = bytes16.const([1, 2, 4, 8, 16, 32, 64, 128, 1, 2, 4, 8, 16, 32, 64, 128]);
  const spread = bytes16.pick(
    bytes16.loadPair(bits),
    bytes16.const([0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1]),
  );
  return [
    value.set(compare === 'float32' ? f64.floor(f64.round32(raw)) : raw),
    code.set(i32.fromF64(value)),
    // Negative codes are great ones here: "less" is unsigned.
    code.set(select(code, codes, i32.less(code, codes))),
    code.set(select(code, i32.add(codes, i32.const(1)), f64.equal(value, value))),
    bits.set(
      i32.add(i32.load(column, categoryRecord.table), i32.mul(code, i32.load(column, categoryRecord.stride))),
    ),
    from.set(i32.add(lane, i32.load(column, categoryRecord.from))),
    to.set(i32.add(lane, i32.load(column, categoryRecord.to))),
    repeatWhile(
      [
        bytes16.store(
          from,
          bytes16.and(
            bytes16.equal(bytes16.and(spread, eachBit), eachBit),
            bytes16.const(Array.from({ length: 16 }, () => right)),
          ),
          answers,
        ),
        step(bits, 2),
        step(from, 16),
      ],
      i32.less(from, to),
    ),
  ];
}
