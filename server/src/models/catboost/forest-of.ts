import type { CategorySets, Forest } from '../forest/forest.ts';
import { Rule } from '../forest/forest.ts';
import { Growing } from '../forest/growing.ts';
import type { CatboostModel } from './catboost-model.ts';
import type { Columns } from './columns.ts';
import { listSplits } from './splits.ts';

/** A checked model's trees as a forest over `columns`, a tree for each of a leaf's numbers; scale and bias are left out. */
export function forestOf(model: CatboostModel, columns: Columns): Forest {
  const { trees, dimension } = model;
  const nodes = new Nodes(model, columns);
  if (trees.symmetric) {
    let firstSplit = 0;
    let firstLeaf = 0;
    for (const size of trees.sizes) {
      const own = trees.splits.subarray(firstSplit, firstSplit + size);
      for (let group = 0; group < dimension; group++) nodes.addSymmetric(own, firstLeaf, group);
      firstSplit += size;
      firstLeaf += 2 ** size;
    }
  } else {
    for (const root of trees.roots)
      for (let group = 0; group < dimension; group++) nodes.addTree(root, group);
  }
  return nodes.forest();
}

class Nodes {
  private readonly model: CatboostModel;
  private readonly columns: Columns;
  private readonly tests: Tests;
  private readonly roots = new Growing(Int32Array);
  private readonly groups = new Growing(Int32Array);
  private readonly split = new Growing(Int32Array);
  private readonly left = new Growing(Int32Array);
  private readonly right = new Growing(Int32Array);
  private readonly leaves = new Growing(Float64Array);

  constructor(model: CatboostModel, columns: Columns) {
    this.model = model;
    this.columns = columns;
    this.tests = testsOf(model, columns);
  }

  /** The last split is asked first: then the leaves of a subtree stand together, in their order. */
  addSymmetric(splits: Int32Array, firstLeaf: number, group: number): void {
    const depth = splits.length;
    const first = this.split.length;
    const firstOwn = this.leaves.length;
    this.roots.push([depth === 0 ? ~firstOwn : first]);
    this.groups.push([group]);
    for (let level = 0; level < depth; level++) {
      const below = first + 2 ** (level + 1) - 1;
      const code = (k: number): number => (level + 1 < depth ? below + k : ~(firstOwn + k));
      const width = 2 ** level;
      this.split.push(new Int32Array(width).fill(splits[depth - 1 - level]!));
      this.left.push(Int32Array.from({ length: width }, (_, k) => code(2 * k)));
      this.right.push(Int32Array.from({ length: width }, (_, k) => code(2 * k + 1)));
    }
    this.leaves.push(Float64Array.from({ length: 2 ** depth }, (_, k) => this.leaf(firstLeaf + k, group)));
  }

  addTree(root: number, group: number): void {
    const { trees } = this.model;
    if (trees.symmetric) return;
    this.groups.push([group]);
    const waiting: { code: number; hang: (code: number) => void }[] = [
      { code: root, hang: (code) => this.roots.push([code]) },
    ];
    while (waiting.length > 0) {
      const { code, hang } = waiting.pop()!;
      if (code < 0) {
        hang(~this.leaves.length);
        this.leaves.push([this.leaf(~code, group)]);
        continue;
      }
      const node = this.split.length;
      hang(node);
      this.split.push([trees.split[code]!]);
      this.left.push([0]);
      this.right.push([0]);
      waiting.push({ code: trees.right[code]!, hang: (child) => this.right.set(node, child) });
      waiting.push({ code: trees.left[code]!, hang: (child) => this.left.set(node, child) });
    }
  }

  private leaf(index: number, group: number): number {
    return this.model.leaves[index * this.model.dimension + group]!;
  }

  forest(): Forest {
    const { feature, threshold, rule, sets } = this.tests;
    const split = this.split.array();
    return {
      features: this.columns.width,
      groups: this.model.dimension,
      compare: 'float32',
      sum: 'float64',
      start: new Float64Array(this.model.dimension),
      roots: this.roots.array(),
      treeGroups: this.groups.array(),
      feature: split.map((one) => feature[one]!),
      threshold: Float64Array.from(split, (one) => threshold[one]!),
      rule: Uint8Array.from(split, (one) => rule[one]!),
      left: this.left.array(),
      right: this.right.array(),
      leaves: this.leaves.array(),
      sets,
      linear: null,
    };
  }
}

/** For each split what a node that asks it is in a forest. */
interface Tests {
  feature: number[];
  threshold: number[];
  rule: number[];
  sets: CategorySets;
}

function testsOf(model: CatboostModel, columns: Columns): Tests {
  const tests = { feature: [] as number[], threshold: [] as number[], rule: [] as number[] };
  const words: number[] = [];
  const start = [0];
  const missingOf = new Map(model.numeric.map(({ index, missing }) => [index, missing]));
  const codes = new Map(
    model.oneHot.map(({ index, values }) => [index, new Map([...values.entries()].map(([k, v]) => [v, k]))]),
  );
  for (const split of listSplits(model)) {
    if (split.kind === 'oneHot') {
      const code = codes.get(split.index)!.get(split.value)!;
      tests.feature.push(columns.categorical.get(split.index)!);
      tests.threshold.push(start.length - 1);
      tests.rule.push(Rule.categorical | Rule.defaultLeft);
      for (let word = 0; word < code >>> 5; word++) words.push(0);
      words.push(2 ** (code & 31));
      start.push(words.length);
      continue;
    }
    const isCtr = split.kind === 'ctr';
    // NaN is above nothing; a CTR can be NaN where its prior is 0 of 0.
    const goesRight = !isCtr && missingOf.get(split.index) === 'AsTrue';
    tests.feature.push(isCtr ? columns.ctrs + split.index : columns.numeric.get(split.index)!);
    tests.threshold.push(split.border);
    tests.rule.push(goesRight ? Rule.missingNaN : Rule.missingNaN | Rule.defaultLeft);
  }
  return { ...tests, sets: { start: Uint32Array.from(start), words: Uint32Array.from(words) } };
}
