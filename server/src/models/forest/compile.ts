import type { WasmFunction } from '../../wasm.ts';
import { call, i32, loopWhile, step, wasmFunction, wasmModule } from '../../wasm.ts';
import { layAnswerTables } from './answer-tables.ts';
import { answerFunction } from './code-answers.ts';
import { addVectorFunction, beginFunction } from './code-vectors.ts';
import type { Walking } from './code-walks.ts';
import { leafFunction, walkRowFunction, walkRowsFunction } from './code-walks.ts';
import { planColumns } from './columns.ts';
import type { Forest } from './forest.ts';
import { Image } from './image.ts';
import { lanes, layWalkTables } from './walk-tables.ts';

/** A forest as a WebAssembly module and what its memory shall begin with. See docs/adr/0005-forest-compiler.md. */
export interface CompiledForest {
  features: number;
  groups: number;
  /** Exports `memory` and `score(rows)`, which reads rows at `x` and writes their sums at `out`. */
  code: Uint8Array<ArrayBuffer>;
  tables: Uint8Array;
  /** Address of the first row's float64 values; row-major. */
  x: number;
  /** Address of the first row's float64 sums, one a group. */
  out: number;
  /** The most rows that `score` takes at once. */
  rows: number;
}

export const mostBytes = 2 ** 30;
export const rowBytes = 2 ** 18;

/** Pure. Throws FILE_UNSUPPORTED if it would take more than 1 GiB of memory. */
export function compileForest(forest: Forest): CompiledForest {
  const columns = planColumns(forest);
  const image = new Image(mostBytes);
  const answerTables = layAnswerTables(image, forest, columns.numeric, columns.category);
  const walkTables = layWalkTables(image, forest, columns.answerOf);

  const xStride = 8 * forest.features;
  const outStride = 8 * forest.groups;
  const answersStride = Math.ceil(columns.answers / 64) * 64;
  // Multiples of `lanes`, so that a full call has no single rows left over.
  const rows = lanes * Math.min(32, Math.max(1, Math.floor(rowBytes / (lanes * (xStride + outStride)))));
  const tables = image.bytes();
  const x = image.reserve(rows * xStride);
  const out = image.reserve(rows * outStride);
  const answers = image.reserve(lanes * answersStride);

  const walking: Walking = {
    ...walkTables,
    answers,
    answersStride,
    xStride,
    outStride,
    sum: forest.sum,
    leafFunction: 1,
    beginFunction: 5,
  };
  const code = wasmModule(Math.ceil(image.end / 65536), [
    answerFunction(answerTables, answers, forest.compare),
    walking.vectors ? addVectorFunction(walking) : leafFunction(walking),
    walkRowFunction(walking),
    walkRowsFunction(walking),
    scoreFunction(walking, x, out),
    ...(walking.vectors ? [beginFunction(walking)] : []),
  ]);
  return { features: forest.features, groups: forest.groups, code, tables, x, out, rows };
}

/** `score(rows)`: `lanes` rows at a time as long as there are so many, then one by one. */
function scoreFunction(walking: Walking, xBegin: number, outBegin: number): WasmFunction {
  const { xStride, outStride, answersStride } = walking;
  const functions = { answer: 0, walkRow: 2, walkRows: 3 };
  return wasmFunction('score', ['i32'], [], (locals, rows) => {
    const x = locals.new('i32');
    const out = locals.new('i32');
    const answerLane = (_: unknown, lane: number) =>
      call(functions.answer, i32.add(x, i32.const(lane * xStride)), i32.const(lane * answersStride));
    return [
      x.set(i32.const(xBegin)),
      out.set(i32.const(outBegin)),
      loopWhile(i32.greaterOrEqual(rows!, i32.const(lanes)), [
        Array.from({ length: lanes }, answerLane),
        call(functions.walkRows, x, out),
        step(x, lanes * xStride),
        step(out, lanes * outStride),
        step(rows!, -lanes),
      ]),
      loopWhile(rows!, [
        answerLane(null, 0),
        call(functions.walkRow, x, out),
        step(x, xStride),
        step(out, outStride),
        step(rows!, -1),
      ]),
    ];
  });
}
