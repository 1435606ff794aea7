import type { Forest } from './forest.ts';
import { nearZero, Rule } from './forest.ts';
import { below, belowFloat32 } from './neighbours.ts';

/**
 * Before the trees are walked, every distinct split of the forest is answered once for the row. A column is what
 * the answers are made from: one feature under one rule for missing values. A numeric column sorts its distinct
 * thresholds, so that a row's rank among them answers them all.
 */
export interface NumericColumn {
  feature: number;
  /** Missing if not |x| > limit: -1 (only NaN is) or nearZero. */
  limit: number;
  /** Stands for a missing value: 0, or what goes to the default side at any threshold: -Infinity or NaN. */
  missing: number;
  /** Ascending and distinct; answer k is "right" unless x <= thresholds[k]. */
  thresholds: Float64Array;
  /** Index of answer 0 among all answers. */
  first: number;
}

/** All categorical splits of a feature: for each code, which of them it answers with right. */
export interface CategoryColumn {
  feature: number;
  /** Codes 0 … codes - 1 stand in some set; then come one row for all other codes and one for NaN. */
  codes: number;
  /** For each distinct split a node that asks it; answer k is that of splits[k]. */
  splits: Int32Array;
  first: number;
}

export interface Columns {
  numeric: NumericColumn[];
  category: CategoryColumn[];
  /** For each node the index of its split's answer. */
  answerOf: Uint32Array;
  /** Bytes of all answers. The first 16 are always "left", and every column begins at a multiple of 16. */
  answers: number;
}

export const roundUp16 = (n: number): number => Math.ceil(n / 16) * 16;

export function planColumns(forest: Forest): Columns {
  const answerOf = new Uint32Array(forest.feature.length);
  const columns: Columns = { numeric: [], category: [], answerOf, answers: 16 };
  for (const nodes of nodesByColumn(forest)) {
    const first = columns.answers;
    if ((forest.rule[nodes[0]!]! & Rule.categorical) !== 0) {
      const column = categoryColumn(forest, nodes, first, answerOf);
      columns.category.push(column);
      columns.answers += roundUp16(column.splits.length);
    } else {
      const column = numericColumn(forest, nodes, first, answerOf);
      columns.numeric.push(column);
      columns.answers += roundUp16(column.thresholds.length);
    }
  }
  return columns;
}

/** The forest's nodes, those of one column together. */
function nodesByColumn(forest: Forest): Int32Array[] {
  const kinds = Rule.categorical | Rule.missingNaN | Rule.missingZero | Rule.defaultLeft;
  const groups = new Map<number, number[]>();
  for (let node = 0; node < forest.feature.length; node++) {
    const rule = forest.rule[node]!;
    let kind = rule & kinds;
    // Without a missing rule there is no default side; a categorical split keeps its own in its table.
    if ((rule & (Rule.missingNaN | Rule.missingZero)) === 0) kind &= ~Rule.defaultLeft;
    if ((rule & Rule.categorical) !== 0) kind = Rule.categorical;
    const key = forest.feature[node]! * 256 + kind;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [node]);
    else group.push(node);
  }
  return [...groups.values()].map((group) => Int32Array.from(group));
}

function numericColumn(
  forest: Forest,
  nodes: Int32Array,
  first: number,
  answerOf: Uint32Array,
): NumericColumn {
  const cuts = Float64Array.from(nodes, (node) => cut(forest, node));
  const sorted = cuts.slice().sort();
  let distinct = 0;
  for (let k = 0; k < sorted.length; k++) {
    if (k === 0 || sorted[k] !== sorted[k - 1]) sorted[distinct++] = sorted[k]!;
  }
  const thresholds = sorted.slice(0, distinct);
  for (let k = 0; k < nodes.length; k++) answerOf[nodes[k]!] = first + indexOf(thresholds, cuts[k]!);

  const rule = forest.rule[nodes[0]!]!;
  const hasDefault = (rule & (Rule.missingNaN | Rule.missingZero)) !== 0;
  const side = (rule & Rule.defaultLeft) !== 0 ? -Infinity : Number.NaN;
  const limit = (rule & Rule.missingZero) !== 0 ? nearZero : -1;
  return { feature: forest.feature[nodes[0]!]!, limit, missing: hasDefault ? side : 0, thresholds, first };
}

/** The greatest value that still goes left: every numeric rule becomes "left if x <= cut". */
function cut(forest: Forest, node: number): number {
  const isSingle = forest.compare === 'float32';
  const threshold = isSingle ? Math.fround(forest.threshold[node]!) : forest.threshold[node]!;
  if ((forest.rule[node]! & Rule.strict) === 0) return threshold;
  return isSingle ? belowFloat32(threshold) : below(threshold);
}

function indexOf(ascending: Float64Array, value: number): number {
  let low = 0;
  for (let high = ascending.length; low < high; ) {
    const middle = (low + high) >>> 1;
    if (ascending[middle]! < value) low = middle + 1;
    else high = middle;
  }
  return low;
}

function categoryColumn(
  forest: Forest,
  nodes: Int32Array,
  first: number,
  answerOf: Uint32Array,
): CategoryColumn {
  let words = 0;
  const splits: number[] = [];
  /** Nodes that ask the same set under the same rule share an answer. */
  const answers = new Map<number, number>();
  for (const node of nodes) {
    const set = forest.threshold[node]!;
    const key = set * 256 + forest.rule[node]!;
    if (!answers.has(key)) {
      answers.set(key, first + splits.length);
      splits.push(node);
      words = Math.max(words, forest.sets.start[set + 1]! - forest.sets.start[set]!);
    }
    answerOf[node] = answers.get(key)!;
  }
  return {
    feature: forest.feature[nodes[0]!]!,
    codes: words * 32,
    splits: Int32Array.from(splits),
    first,
  };
}
