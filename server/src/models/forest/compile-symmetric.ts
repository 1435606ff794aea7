import type { WasmFunction } from '../../wasm.ts';
import { call, i32, loopWhile, select, step, wasmFunction, wasmModule } from '../../wasm.ts';
import type { SymmetricWalking } from './code-symmetric.ts';
import {
  indexBytes,
  indexRowFunction,
  indexRowsFunction,
  rankFunction,
  sumRowFunction,
  sumRowsFunction,
} from './code-symmetric.ts';
import type { CompiledForest } from './compile.ts';
import { mostBytes, rowBytes } from './compile.ts';
import { Image } from './image.ts';
import type { SymmetricForest } from './symmetric.ts';
import { laySymmetricTables, rowsAside } from './symmetric-tables.ts';

/** As `compileForest`, for symmetric trees: no walk at all. See docs/adr/0011-symmetric-trees.md. */
export function compileSymmetric(forest: SymmetricForest): CompiledForest {
  const image = new Image(mostBytes);
  const layout = laySymmetricTables(image, forest);
  const xStride = 8 * forest.features;
  const outStride = 8 * forest.groups;
  // Multiples of `rowsAside`: rows that a call does not fill up are scored too, and not looked at.
  const rows =
    rowsAside * Math.min(16, Math.max(1, Math.floor(rowBytes / (rowsAside * (xStride + outStride)))));
  const tables = image.bytes();
  const x = image.reserve(rows * xStride);
  const out = image.reserve(rows * outStride);
  const indices = image.reserve(forest.sizes.length * rowsAside * indexBytes(layout.depth));
  const walking: SymmetricWalking = {
    ...layout,
    indices,
    // A call scores rows singly or side by side: one memory serves both.
    offsets: indices,
    groups: forest.groups,
    outStride,
  };
  const code = wasmModule(Math.ceil(image.end / 65536), [
    rankFunction(walking),
    indexRowFunction(walking),
    sumRowFunction(walking),
    indexRowsFunction(walking),
    sumRowsFunction(walking),
    scoreFunction(x, out, xStride, outStride),
  ]);
  return { features: forest.features, groups: forest.groups, code, tables, x, out, rows };
}

/** From so many rows on it is faster to score `rowsAside`, however few are looked at. */
const fewestAside = 4;

/** `score(rows)`: `rowsAside` rows at a time as long as there are some, the last few one by one. */
function scoreFunction(xBegin: number, outBegin: number, xStride: number, outStride: number): WasmFunction {
  const functions = { rank: 0, indexRow: 1, sumRow: 2, indexRows: 3, sumRows: 4 };
  return wasmFunction('score', ['i32'], [], (locals, rows) => {
    const x = locals.new('i32');
    const out = locals.new('i32');
    const lane = locals.new('i32');
    const count = locals.new('i32');
    return [
      x.set(i32.const(xBegin)),
      out.set(i32.const(outBegin)),
      loopWhile(i32.greaterOrEqual(rows!, i32.const(fewestAside)), [
        count.set(select(rows!, i32.const(rowsAside), i32.less(rows!, i32.const(rowsAside)))),
        lane.set(i32.const(0)),
        loopWhile(i32.less(lane, count), [call(functions.rank, x, lane), step(x, xStride), step(lane, 1)]),
        call(functions.indexRows),
        call(functions.sumRows, out),
        step(out, rowsAside * outStride),
        rows!.set(i32.sub(rows!, count)),
      ]),
      loopWhile(rows!, [
        call(functions.rank, x, i32.const(0)),
        call(functions.indexRow),
        call(functions.sumRow, out),
        step(x, xStride),
        step(out, outStride),
        step(rows!, -1),
      ]),
    ];
  });
}
