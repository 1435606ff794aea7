import type { CatboostModel, Trees } from './catboost-model.ts';
import type { FlatTable } from './flatbuffer.ts';
import type { Refusals } from './refusals.ts';

const slots = { splits: 1, sizes: 2, starts: 3, leaves: 8, weights: 9, steps: 10, leafOfNode: 11 };

/** The trees of `TModelTrees`. Whether leaves and splits exist is checked later. */
export function cbmTrees(
  model: FlatTable,
  dimension: number,
  refusals: Refusals,
): Pick<CatboostModel, 'trees' | 'leaves' | 'weights'> {
  const sizes = model.int32s(slots.sizes);
  const splits = model.int32s(slots.splits);
  const leaves = model.float64s(slots.leaves);
  const weights = model.float64s(slots.weights);
  const steps = model.structs(slots.steps, 4, (view, at) => ({
    left: view.getUint16(at, true),
    right: view.getUint16(at + 2, true),
  }));
  if (steps.length === 0) return { trees: { symmetric: true, sizes, splits }, leaves, weights };

  const leafOfNode = model.int32s(slots.leafOfNode);
  if (steps.length !== splits.length || leafOfNode.length !== splits.length) {
    refusals.broken('the trees', 'their nodes’ lists are of different lengths');
  }
  const starts = new Int32Array(sizes.length);
  let end = 0;
  sizes.forEach((size, tree) => {
    if (size < 1 || size > splits.length - end) refusals.broken(`tree ${tree}`, `has ${size} nodes`);
    starts[tree] = end;
    end += size;
  });
  if (end !== splits.length) refusals.broken('the trees', 'some nodes are in none of them');
  const trees = nodesOf({ starts, sizes, splits, steps, leafOfNode, dimension }, refusals);
  return { trees, leaves, weights };
}

interface Steps {
  starts: Int32Array;
  sizes: Int32Array;
  splits: Int32Array;
  /** How far on the children lie; 0: the way ends, at this node's leaf. */
  steps: { left: number; right: number }[];
  /** Index of its first leaf value. */
  leafOfNode: Int32Array;
  dimension: number;
}

/** Steps without children become leaves. Children lie behind their parents, so no walk is endless. */
function nodesOf({ starts, sizes, splits, steps, leafOfNode, dimension }: Steps, refusals: Refusals): Trees {
  const roots = new Int32Array(starts.length);
  const split: number[] = [];
  const left: number[] = [];
  const right: number[] = [];
  const codes = new Int32Array(splits.length);
  const leafCode = (node: number): number => {
    const leaf = leafOfNode[node]! / dimension;
    if (leaf < 0 || !Number.isInteger(leaf)) refusals.broken(`node ${node}`, `has no leaf ${leaf}`);
    return ~leaf;
  };
  for (let node = 0; node < splits.length; node++) {
    const isLeaf = steps[node]!.left === 0 && steps[node]!.right === 0;
    codes[node] = isLeaf ? leafCode(node) : split.push(splits[node]!) - 1;
    if (!isLeaf) left.push(0) && right.push(0);
  }
  for (let tree = 0; tree < starts.length; tree++) {
    const end = starts[tree]! + sizes[tree]!;
    roots[tree] = codes[starts[tree]!]!;
    for (let node = starts[tree]!; node < end; node++) {
      if (codes[node]! < 0) continue;
      const child = (step: number): number => {
        if (node + step >= end) refusals.broken(`node ${node}`, 'a child lies beyond its tree');
        return step === 0 ? leafCode(node) : codes[node + step]!;
      };
      left[codes[node]!] = child(steps[node]!.left);
      right[codes[node]!] = child(steps[node]!.right);
    }
  }
  return {
    symmetric: false,
    roots,
    split: Int32Array.from(split),
    left: Int32Array.from(left),
    right: Int32Array.from(right),
  };
}
