import type { CategorySets, Forest } from '../forest/forest.ts';
import { Rule } from '../forest/forest.ts';
import type { CatboostModel, Trees } from './catboost-model.ts';
import type { Columns } from './columns.ts';
import { codesOf } from './columns.ts';
import { listSplits } from './splits.ts';

/** A checked model's trees of any shape as a forest over `columns`, a tree for each of a leaf's numbers; scale and bias are left out. */
export function forestOf(
  model: CatboostModel,
  trees: Trees & { symmetric: false },
  columns: Columns,
): Forest {
  const nodes = new Nodes(model, trees, columns);
  for (const root of trees.roots) {
    for (let group = 0; group < model.dimension; group++) nodes.addTree(root, group);
  }
  return nodes.forest();
}

class Nodes {
  private readonly model: CatboostModel;
  private readonly trees: Trees & { symmetric: false };
  private readonly columns: Columns;
  private readonly roots: number[] = [];
  private readonly groups: number[] = [];
  private readonly split: number[] = [];
  private readonly left: number[] = [];
  private readonly right: number[] = [];
  private readonly leaves: number[] = [];

  constructor(model: CatboostModel, trees: Trees & { symmetric: false }, columns: Columns) {
    this.model = model;
    this.trees = trees;
    this.columns = columns;
  }

  addTree(root: number, group: number): void {
    const { split, left, right } = this.trees;
    this.groups.push(group);
    const waiting: { code: number; hang: (code: number) => void }[] = [
      { code: root, hang: (code) => this.roots.push(code) },
    ];
    while (waiting.length > 0) {
      const { code, hang } = waiting.pop()!;
      if (code < 0) {
        hang(~this.leaves.length);
        this.leaves.push(this.model.leaves[~code * this.model.dimension + group]!);
        continue;
      }
      const node = this.split.push(split[code]!) - 1;
      hang(node);
      this.left.push(0);
      this.right.push(0);
      waiting.push({ code: right[code]!, hang: (child) => (this.right[node] = child) });
      waiting.push({ code: left[code]!, hang: (child) => (this.left[node] = child) });
    }
  }

  forest(): Forest {
    const { feature, threshold, rule, sets } = testsOf(this.model, this.columns);
    const split = Int32Array.from(this.split);
    return {
      features: this.columns.width,
      groups: this.model.dimension,
      compare: 'float32',
      sum: 'float64',
      start: new Float64Array(this.model.dimension),
      roots: Int32Array.from(this.roots),
      treeGroups: Int32Array.from(this.groups),
      feature: split.map((one) => feature[one]!),
      threshold: Float64Array.from(split, (one) => threshold[one]!),
      rule: Uint8Array.from(split, (one) => rule[one]!),
      left: Int32Array.from(this.left),
      right: Int32Array.from(this.right),
      leaves: Float64Array.from(this.leaves),
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
  const codes = codesOf(model);
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
