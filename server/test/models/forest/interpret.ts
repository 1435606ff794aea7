import type { Forest } from '../../../src/models/forest/forest.ts';
import { nearZero, Rule } from '../../../src/models/forest/forest.ts';

/**
 * What a forest means, written as plainly as possible: the reference that compiled forests are tested against.
 * Production has no use for it.
 */
export function interpret(forest: Forest, row: ArrayLike<number>): Float64Array {
  const sums = forest.start.slice();
  forest.roots.forEach((root, tree) => {
    let code = root;
    while (code >= 0) code = goesLeft(forest, code, row) ? forest.left[code]! : forest.right[code]!;
    const add = (group: number, value: number): void => {
      const sum = sums[group]! + value;
      sums[group] = forest.sum === 'float32' ? Math.fround(sum) : sum;
    };
    if (!forest.vectors) add(forest.treeGroups[tree]!, leafValue(forest, ~code, row));
    else
      for (let group = 0; group < forest.groups; group++)
        add(group, forest.leaves[~code * forest.groups + group]!);
  });
  return sums;
}

function goesLeft(forest: Forest, node: number, row: ArrayLike<number>): boolean {
  const raw = row[forest.feature[node]!]!;
  const rule = forest.rule[node]!;
  const has = (bit: number): boolean => (rule & bit) !== 0;
  if (has(Rule.categorical)) {
    if (Number.isNaN(raw)) return has(Rule.defaultLeft);
    const code = forest.compare === 'float32' ? Math.floor(Math.fround(raw)) : Math.trunc(raw);
    return inSet(forest, forest.threshold[node]!, code) === has(Rule.setLeft);
  }
  let x = forest.compare === 'float32' ? Math.fround(raw) : raw;
  const isZero = Math.abs(x) <= nearZero;
  if (Number.isNaN(x) && !has(Rule.missingNaN) && !has(Rule.missingZero)) x = 0;
  else if (Number.isNaN(x) || (isZero && has(Rule.missingZero))) return has(Rule.defaultLeft);
  const threshold =
    forest.compare === 'float32' ? Math.fround(forest.threshold[node]!) : forest.threshold[node]!;
  return has(Rule.strict) ? x < threshold : x <= threshold;
}

function inSet({ sets }: Forest, set: number, code: number): boolean {
  const words = sets.words.subarray(sets.start[set]!, sets.start[set + 1]!);
  if (!(code >= 0 && code < 32 * words.length)) return false;
  return ((words[Math.floor(code / 32)]! >>> (code % 32)) & 1) === 1;
}

function leafValue({ linear, leaves }: Forest, leaf: number, row: ArrayLike<number>): number {
  if (linear === null) return leaves[leaf]!;
  let value = linear.constant[leaf]!;
  for (let term = linear.start[leaf]!; term < linear.start[leaf + 1]!; term++) {
    const x = row[linear.feature[term]!]!;
    if (Number.isNaN(x)) return leaves[leaf]!;
    value += linear.coefficient[term]! * (Math.abs(x) <= nearZero ? 0 : x);
  }
  return value;
}
