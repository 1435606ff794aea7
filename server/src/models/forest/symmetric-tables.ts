import type { NumericColumn } from './columns.ts';
import type { Image } from './image.ts';
import { laySearchTables } from './search-tables.ts';
import type { SymmetricForest, SymmetricTests } from './symmetric.ts';
import { TestKind } from './symmetric.ts';

/** Rows that are scored side by side: a column's ranks of so many rows are one vector of bytes. */
export const rowsAside = 16;

export interface SymmetricTables {
  /** Columns' records, for the search. */
  columns: number;
  columnsEnd: number;
  /**
   * A tree's record: u32 first leaf; u32 where each test's column of ranks lies; then a byte a test, each list filled up
   * to whole vectors: a test is true if (rank xor flip) >= least.
   */
  trees: number;
  treesEnd: number;
  record: { bytes: number; column: number; least: number; flip: number; leaf: number };
  /** All trees are asked so many tests; those of shallower ones end with tests that are never true. */
  depth: number;
  /** Whether there are tests for codes. */
  hasCodes: boolean;
  /** A column's ranks, one a row, lie so far into these as its record says; the first column's are always 0. */
  ranks: number;
  /** Leaf values of the first group; those of the next follow `groupBytes` later. */
  leaves: number;
  groupBytes: number;
}

/** A value's rank among a column's thresholds is a byte. */
const mostThresholds = 255;

export function laySymmetricTables(image: Image, forest: SymmetricForest): SymmetricTables {
  const { columns, columnOf, least, flip } = planRanks(forest.tests);
  const search = laySearchTables(image, columns);
  const depth = forest.sizes.reduce((most, size) => Math.max(most, size), 0);
  const levels = 16 * Math.ceil(depth / 16);
  const record = {
    bytes: 4 + 4 * depth + 2 * levels,
    leaf: 0,
    column: 4,
    least: 4 + 4 * depth,
    flip: 4 + 4 * depth + levels,
  };
  const trees = image.take(forest.sizes.length * record.bytes);
  let asked = 0;
  let firstLeaf = 0;
  forest.sizes.forEach((size, tree) => {
    const at = trees + tree * record.bytes;
    image.fill(at + record.least, at + record.least + levels, 1);
    for (let d = 0; d < size; d++) {
      const test = forest.asked[asked + d]!;
      image.u32(at + record.column + 4 * d, columnOf[test]!);
      image.u8(at + record.least + d, least[test]!);
      image.u8(at + record.flip + d, flip[test]!);
    }
    image.u32(at + record.leaf, 8 * firstLeaf);
    asked += size;
    firstLeaf += 2 ** size;
  });
  const groupBytes = 8 * firstLeaf;
  const leaves = image.take(forest.groups * groupBytes);
  forest.leaves.forEach((value, k) => {
    const [index, group] = [Math.floor(k / forest.groups), k % forest.groups];
    image.f64(leaves + group * groupBytes + 8 * index, value);
  });
  return {
    columns: search.from,
    columnsEnd: search.to,
    trees,
    treesEnd: trees + forest.sizes.length * record.bytes,
    record,
    depth,
    hasCodes: forest.tests.kind.includes(TestKind.isCode),
    ranks: image.take(rowsAside * (columns.length + 1)),
    leaves,
    groupBytes,
  };
}

interface Ranks {
  columns: NumericColumn[];
  /** For each test. */
  columnOf: Uint32Array;
  least: Uint8Array;
  flip: Uint8Array;
}

/** A column's tests are one feature's of one kind. Those with more thresholds than a byte has ranks are several. */
function planRanks({ feature, threshold, kind }: SymmetricTests): Ranks {
  const groups = new Map<number, number[]>();
  feature.forEach((of, test) => {
    const key = of * 4 + kind[test]!;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [test]);
    else group.push(test);
  });
  const plan: Ranks = {
    columns: [],
    columnOf: new Uint32Array(feature.length),
    least: new Uint8Array(feature.length),
    flip: new Uint8Array(feature.length),
  };
  const addColumn = (first: number, thresholds: Float64Array): number => {
    const missing = kind[first] === TestKind.aboveOrMissing ? Number.NaN : -Infinity;
    const at = rowsAside * (plan.columns.length + 1);
    plan.columns.push({ feature: feature[first]!, limit: -1, missing, thresholds, first: at });
    return at;
  };
  for (const tests of groups.values()) {
    if (kind[tests[0]!] === TestKind.isCode) {
      const codes = tests.reduce((most, test) => Math.max(most, threshold[test]!), 0) + 1;
      const at = addColumn(
        tests[0]!,
        Float64Array.from({ length: codes }, (_, code) => code - 0.5),
      );
      for (const test of tests) {
        // The code's rank is one more; flipped it has all bits set, and only it.
        plan.columnOf[test] = at;
        plan.least[test] = 255;
        plan.flip[test] = 255 ^ (threshold[test]! + 1);
      }
      continue;
    }
    const sorted = Float64Array.from(new Set(tests.map((test) => threshold[test]!))).sort();
    const rankOf = new Map(Array.from(sorted, (one, rank) => [one, rank]));
    const places = Array.from({ length: Math.ceil(sorted.length / mostThresholds) }, (_, k) =>
      addColumn(tests[0]!, sorted.slice(k * mostThresholds, (k + 1) * mostThresholds)),
    );
    for (const test of tests) {
      const rank = rankOf.get(threshold[test]!)!;
      plan.columnOf[test] = places[Math.floor(rank / mostThresholds)]!;
      plan.least[test] = (rank % mostThresholds) + 1;
    }
  }
  return plan;
}
