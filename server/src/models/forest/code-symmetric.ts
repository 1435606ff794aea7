import type { Code, WasmFunction } from '../../wasm.ts';
import { bytes16, f64, i32, loopWhile, repeatWhile, step, wasmFunction } from '../../wasm.ts';
import { searchColumns } from './code-search.ts';
import { numericRecord, searches } from './search-tables.ts';
import type { SymmetricTables } from './symmetric-tables.ts';
import { rowsAside } from './symmetric-tables.ts';

/** What the functions below need to know of the memory. */
export interface SymmetricWalking extends SymmetricTables {
  /** Leaf indices, tree by tree: `rowsAside` low bytes, then so many of the next, as many as `depth` takes. */
  indices: number;
  /** Of a single row instead: u32 how far into `leaves` each tree's leaf lies. */
  offsets: number;
  groups: number;
  outStride: number;
}

/** Bytes of a leaf's index. */
export const indexBytes = (depth: number): number => Math.max(1, Math.ceil(depth / 8));

/** `rank(x, lane)`: ranks all columns of the row at address x, into lane `lane` of their ranks. */
export function rankFunction(walking: SymmetricWalking): WasmFunction {
  return wasmFunction('rank', ['i32', 'i32'], [], (locals, x, lane) => {
    const column = locals.new('i32');
    const { search, ranks } = searchColumns(locals, x!, column, 'float32');
    return [
      column.set(i32.const(walking.columns)),
      loopWhile(i32.less(column, i32.const(walking.columnsEnd)), [
        search,
        ranks.map(({ rank, offset }) =>
          i32.store8(i32.add(lane!, i32.load(column, offset + numericRecord.from)), rank, walking.ranks),
        ),
        step(column, searches * numericRecord.bytes),
      ]),
    ];
  });
}

const none = bytes16.const(new Array<number>(16).fill(0));
const levels = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, k) => from + k);

/** `indexRow()`: finds the leaves of the row in lane 0, sixteen tests of a tree at a time. */
export function indexRowFunction(walking: SymmetricWalking): WasmFunction {
  const { record, depth, hasCodes, ranks } = walking;
  return wasmFunction('indexRow', [], [], (locals) => {
    const tree = locals.new('i32');
    const offset = locals.new('i32');
    const bits = levels(0, Math.ceil(depth / 16)).map((part) => {
      const rank = levels(16 * part, Math.min(depth, 16 * part + 16)).reduce<Code>(
        (vector, d) => bytes16.loadLane(i32.load(tree, record.column + 4 * d), vector, d & 15, ranks),
        none,
      );
      const flipped = hasCodes ? bytes16.xor(rank, bytes16.load(tree, record.flip + 16 * part)) : rank;
      const isTrue = bytes16.greaterOrEqual(flipped, bytes16.load(tree, record.least + 16 * part));
      return i32.shiftLeft(bytes16.highBits(isTrue), i32.const(16 * part + 3));
    });
    return [
      tree.set(i32.const(walking.trees)),
      offset.set(i32.const(walking.offsets)),
      repeatWhile(
        [
          i32.store(
            offset,
            bits.reduce<Code>((all, one) => i32.add(all, one), i32.load(tree, record.leaf)),
          ),
          step(offset, 4),
          step(tree, record.bytes),
        ],
        i32.less(tree, i32.const(walking.treesEnd)),
      ),
    ];
  });
}

/** `sumRow(out)`: adds up the leaves that `indexRow` found, in the trees' order. */
export function sumRowFunction(walking: SymmetricWalking): WasmFunction {
  return wasmFunction('sumRow', ['i32'], [], (locals, out) => {
    const offset = locals.new('i32');
    const leaves = locals.new('i32');
    const sum = locals.new('f64');
    const trees = (walking.treesEnd - walking.trees) / walking.record.bytes;
    return [
      leaves.set(i32.const(walking.leaves)),
      repeatWhile(
        [
          sum.set(f64.const(0)),
          offset.set(i32.const(walking.offsets)),
          repeatWhile(
            [sum.set(f64.add(sum, f64.load(i32.add(leaves, i32.load(offset))))), step(offset, 4)],
            i32.less(offset, i32.const(walking.offsets + 4 * trees)),
          ),
          f64.store(out!, sum),
          step(out!, 8),
          step(leaves, walking.groupBytes),
        ],
        i32.less(leaves, i32.const(walking.leaves + walking.groups * walking.groupBytes)),
      ),
    ];
  });
}

/** `indexRows()`: finds the leaves of `rowsAside` rows, eight tests a byte. */
export function indexRowsFunction(walking: SymmetricWalking): WasmFunction {
  const { record, depth, hasCodes, ranks } = walking;
  return wasmFunction('indexRows', [], [], (locals) => {
    const tree = locals.new('i32');
    const index = locals.new('i32');
    const answers = (d: number): Code => {
      const rank = bytes16.load(i32.load(tree, record.column + 4 * d), ranks);
      const flipped = hasCodes ? bytes16.xor(rank, bytes16.loadOne(tree, record.flip + d)) : rank;
      const isTrue = bytes16.greaterOrEqual(flipped, bytes16.loadOne(tree, record.least + d));
      return bytes16.and(isTrue, bytes16.const(Array.from({ length: 16 }, () => 1 << (d & 7))));
    };
    const bytes = levels(0, indexBytes(depth)).map((byte) =>
      levels(8 * byte, Math.min(depth, 8 * byte + 8))
        .map(answers)
        .reduce<Code>((all, one) => bytes16.or(all, one), none),
    );
    return [
      tree.set(i32.const(walking.trees)),
      index.set(i32.const(walking.indices)),
      repeatWhile(
        [
          bytes.map((value, byte) => bytes16.store(index, value, rowsAside * byte)),
          step(index, rowsAside * bytes.length),
          step(tree, record.bytes),
        ],
        i32.less(tree, i32.const(walking.treesEnd)),
      ),
    ];
  });
}

/** Sums that are kept in registers at a time. */
const sumsAside = 8;

/** `sumRows(out)`: adds up the leaves that `indexRows` found, in the trees' order, of `sumsAside` rows at a time. */
export function sumRowsFunction(walking: SymmetricWalking): WasmFunction {
  const { record, outStride } = walking;
  const bytes = indexBytes(walking.depth);
  return wasmFunction('sumRows', ['i32'], [], (locals, out) => {
    const tree = locals.new('i32');
    const index = locals.new('i32');
    const leaf = locals.new('i32');
    const leaves = locals.new('i32');
    const sums = Array.from({ length: sumsAside }, () => locals.new('f64'));
    const indexOf = (lane: number): Code =>
      levels(1, bytes).reduce<Code>(
        (sum, byte) =>
          i32.add(sum, i32.shiftLeft(i32.load8(index, rowsAside * byte + lane), i32.const(8 * byte))),
        i32.load8(index, lane),
      );
    const half = (first: number): Code => [
      sums.map((sum) => sum.set(f64.const(0))),
      tree.set(i32.const(walking.trees)),
      index.set(i32.const(walking.indices)),
      repeatWhile(
        [
          leaf.set(i32.add(leaves, i32.load(tree, record.leaf))),
          sums.map((sum, k) =>
            sum.set(f64.add(sum, f64.load(i32.add(leaf, i32.shiftLeft(indexOf(first + k), i32.const(3)))))),
          ),
          step(index, rowsAside * bytes),
          step(tree, record.bytes),
        ],
        i32.less(tree, i32.const(walking.treesEnd)),
      ),
      sums.map((sum, k) => f64.store(out!, sum, (first + k) * outStride)),
    ];
    return [
      leaves.set(i32.const(walking.leaves)),
      repeatWhile(
        [half(0), half(sumsAside), step(out!, 8), step(leaves, walking.groupBytes)],
        i32.less(leaves, i32.const(walking.leaves + walking.groups * walking.groupBytes)),
      ),
    ];
  });
}
