import { Growing } from '../forest/growing.ts';
import type { CatboostModel, Trees } from './catboost-model.ts';
import type { JsonValue } from './json-value.ts';
import type { Refusals } from './refusals.ts';
import type { Split } from './splits.ts';
import { listSplits } from './splits.ts';

export interface JsonTrees {
  trees: Trees;
  leaves: Float64Array;
  weights: Float64Array;
  dimension: number;
}

type Splitting = Pick<CatboostModel, 'numeric' | 'oneHot' | 'ctrs'>;

/** `oblivious_trees`, or `trees` of any shape. Each split says twice what it is; both must agree. */
export function readJsonTrees(root: JsonValue, model: Splitting, refusals: Refusals): JsonTrees {
  const isSymmetric = root.has('oblivious_trees');
  const key = isSymmetric ? 'oblivious_trees' : 'trees';
  const trees = root.items(key);
  if (trees.length === 0) return refusals.broken(key, 'there are none');
  const read = splitReader(model);
  return isSymmetric ? readSymmetric(trees, read) : readAnyShape(trees, read);
}

/** CatBoost itself goes by `split_index` alone. */
function splitReader(model: Splitting): (split: JsonValue) => number {
  const splits = listSplits(model);
  return (value) => {
    const index = value.get('split_index').integer(0);
    const split = splits[index] ?? value.fail(`there is no split ${index}`);
    if (!agrees(split, value)) value.fail(`is not what split_index ${index} stands for`);
    return index;
  };
}

function agrees(split: Split, value: JsonValue): boolean {
  switch (value.get('split_type').text()) {
    case 'FloatFeature':
      return (
        split.kind === 'numeric' &&
        split.index === value.get('float_feature_index').integer() &&
        split.border === Math.fround(value.get('border').number())
      );
    case 'OneHotFeature':
      return (
        split.kind === 'oneHot' &&
        split.index === value.get('cat_feature_index').integer() &&
        split.value === value.get('value').integer()
      );
    case 'OnlineCtr':
      return split.kind === 'ctr' && split.border === Math.fround(value.get('border').number());
    default:
      return value.get('split_type').fail('is unknown');
  }
}

const says = (value: JsonValue, key: string): boolean => value.has(key) && value.get(key).value !== null;

function readSymmetric(trees: JsonValue[], read: (split: JsonValue) => number): JsonTrees {
  const sizes = new Int32Array(trees.length);
  const splits = new Growing(Int32Array);
  const leaves = new Growing(Float64Array);
  const weights = new Growing(Float64Array);
  let dimension = 0;
  trees.forEach((tree, t) => {
    const own = tree.items('splits');
    const values = tree.get('leaf_values');
    const numbers = values.numbers();
    const width = numbers.length / 2 ** own.length;
    if (dimension === 0) dimension = width;
    if (width < 1 || width !== dimension || !Number.isInteger(width)) {
      values.fail(`${numbers.length} numbers do not go with ${own.length} splits`);
    }
    sizes[t] = own.length;
    splits.push(own.map(read));
    leaves.push(numbers);
    if (says(tree, 'leaf_weights')) weights.push(tree.get('leaf_weights').numbers());
  });
  return {
    trees: { symmetric: true, sizes, splits: splits.array() },
    leaves: leaves.array(),
    weights: weights.array(),
    dimension,
  };
}

/** Takes no stack, however deep the tree. */
function readAnyShape(trees: JsonValue[], read: (split: JsonValue) => number): JsonTrees {
  const roots: number[] = [];
  const split: number[] = [];
  const left: number[] = [];
  const right: number[] = [];
  const leaves = new Growing(Float64Array);
  const weights = new Growing(Float64Array);
  let dimension = 0;
  const addLeaf = (node: JsonValue): number => {
    const value = node.get('value');
    const numbers = typeof value.value === 'number' ? Float64Array.of(value.number()) : value.numbers();
    if (dimension === 0) dimension = numbers.length;
    if (numbers.length !== dimension || dimension === 0) value.fail(`is not ${dimension} numbers`);
    leaves.push(numbers);
    if (says(node, 'weight')) weights.push([node.get('weight').number()]);
    return ~(leaves.length / dimension - 1);
  };
  for (const tree of trees) {
    const waiting: { node: JsonValue; hang: (code: number) => void }[] = [
      { node: tree, hang: (code) => roots.push(code) },
    ];
    while (waiting.length > 0) {
      const { node, hang } = waiting.pop()!;
      if (node.has('value')) {
        hang(addLeaf(node));
        continue;
      }
      const code = split.length;
      hang(code);
      split.push(read(node.get('split')));
      left.push(0);
      right.push(0);
      waiting.push({ node: node.get('right'), hang: (child) => (right[code] = child) });
      waiting.push({ node: node.get('left'), hang: (child) => (left[code] = child) });
    }
  }
  const [rootCodes, splits, lefts, rights] = [roots, split, left, right].map((codes) =>
    Int32Array.from(codes),
  );
  return {
    trees: { symmetric: false, roots: rootCodes!, split: splits!, left: lefts!, right: rights! },
    leaves: leaves.array(),
    weights: weights.array(),
    dimension,
  };
}
