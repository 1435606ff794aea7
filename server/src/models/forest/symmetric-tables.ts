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
  /** A tree's record: `depth` times u32 where the column's ranks lie, then so many bytes least, then flip; u32 first leaf. */
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
  const least0 = 4 * depth;
  const leaf = 4 * Math.ceil((6 * depth) / 4);
  const record = { bytes: leaf + 4, column: 0, least: least0, flip: least0 + depth, leaf };
  const trees = image.take(forest.sizes.length * record.bytes);
  let asked = 0;
  let firstLeaf = 0;
  forest.sizes.forEach((size, tree) => {
    const at = trees + tree * record.bytes;
    for (let d = 0; d < depth; d++) {
      const test = d < size ? forest.asked[asked + d]! : -1;
      image.u32(at + record.column + 4 * d, test < 0 ? 0 : columnOf[test]!);
      image.u8(at + record.least + d, test < 0 ? 1 : least[test]!);
      image.u8(at + record.flip + d, test < 0 ? 0 : flip[test]!);
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
  /** For each test: where its column's ranks lie; it is true if (rank xor flip) >= least. */
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
