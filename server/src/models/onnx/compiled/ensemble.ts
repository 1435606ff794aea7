import { elements, numbersOf } from '../constants.ts';
import type { OnnxNode } from '../graph.ts';

/** How a node of a tree decides; the order is that of ai.onnx.ml 5's `nodes_modes`. */
export const modes = [
  'BRANCH_LEQ',
  'BRANCH_LT',
  'BRANCH_GTE',
  'BRANCH_GT',
  'BRANCH_EQ',
  'BRANCH_NEQ',
  'BRANCH_MEMBER',
] as const;
/** PROBIT, which no exporter writes, is left to onnxruntime. */
export const transforms = ['NONE', 'SOFTMAX', 'LOGISTIC', 'SOFTMAX_ZERO'] as const;
export type Transform = (typeof transforms)[number];

/**
 * The trees of a TreeEnsembleClassifier, TreeEnsembleRegressor or TreeEnsemble as arrays. A child code is a
 * node's index if >= 0, else `~leaf`. Leaf l gives `weight[k]` to target `target[k]` for k from start[l] to
 * start[l + 1], in that order.
 */
export interface Ensemble {
  targets: number;
  roots: number[];
  feature: number[];
  split: number[];
  /** Index in `modes`. */
  mode: Uint8Array;
  /** 1: a missing value takes the true branch. */
  tracks: Uint8Array;
  yes: Int32Array;
  no: Int32Array;
  /** Sets of BRANCH_MEMBER nodes, by node. */
  members: Map<number, number[]>;
  leaves: { start: Uint32Array; target: number[]; weight: number[] };
  aggregate: string;
  transform: Transform;
  base: number[];
}

/**
 * Reads the ensemble of a node; null where its lists are not as the operators' schemas say, or unlike its input in double
 * precision.
 */
export function readEnsemble(node: OnnxNode, isDouble: boolean): Ensemble | null {
  for (const { tensors } of node.attributes.values())
    if (tensors.some(({ type }) => type === elements.double) && !isDouble) return null;
  return readTrees(node);
}

/** The same whatever its precision: enough to know its shape by. */
export function readTrees(node: OnnxNode): Ensemble | null {
  return node.op === 'TreeEnsemble' ? readNew(node) : readOld(node);
}

type Read = (name: string) => number[];

/** Lists of a node's attributes; real numbers stand as floats or as a tensor. */
function numbersAt(node: OnnxNode): { ints: Read; reals: Read } {
  const { attributes } = node;
  const tensor = (name: string) => attributes.get(name)?.tensors[0];
  return {
    ints: (name) => attributes.get(name)?.ints ?? [],
    reals: (name) => {
      const found = tensor(`${name}_as_tensor`) ?? tensor(name);
      return found ? (numbersOf(found) ?? []) : (attributes.get(name)?.floats ?? []);
    },
  };
}

/** TreeEnsembleClassifier and -Regressor: leaves are nodes, and their weights are listed apart. */
function readOld(node: OnnxNode): Ensemble | null {
  const { ints, reals } = numbersAt(node);
  const text = (name: string): string | undefined => node.attributes.get(name)?.strings[0];
  const isClassifier = node.op === 'TreeEnsembleClassifier';
  const weights = isClassifier ? 'class' : 'target';
  const [trees, ids, feature, split] = [
    ints('nodes_treeids'),
    ints('nodes_nodeids'),
    ints('nodes_featureids'),
    reals('nodes_values'),
  ];
  const names = node.attributes.get('nodes_modes')?.strings ?? [];
  const [yesIds, noIds] = [ints('nodes_truenodeids'), ints('nodes_falsenodeids')];
  const tracks = ints('nodes_missing_value_tracks_true');
  const { length } = trees;
  if ([ids, feature, split, names, yesIds, noIds].some((list) => list.length !== length)) return null;
  const indexOf = new Map<string, number>();
  const roots: number[] = [];
  const seen = new Set<number>();
  for (let i = 0; i < length; i++) {
    indexOf.set(`${trees[i]} ${ids[i]}`, i);
    if (i > 0 && trees[i] === trees[i - 1]) continue;
    if (seen.has(trees[i]!)) return null;
    seen.add(trees[i]!);
    roots.push(i);
  }
  // Nodes that decide and leaves are numbered apart.
  const codes = new Int32Array(length);
  let [nodes, leaves] = [0, 0];
  for (let i = 0; i < length; i++) codes[i] = names[i] === 'LEAF' ? ~leaves++ : nodes++;
  const weightIds = ints(`${weights}_nodeids`);
  const found = leafWeights(
    leaves,
    ints(`${weights}_ids`),
    reals(`${weights}_weights`),
    ints(`${weights}_treeids`).map((tree, k) => {
      const at = indexOf.get(`${tree} ${weightIds[k]}`);
      // Weights of nodes that decide are passed over, as onnxruntime does.
      return at === undefined ? null : codes[at]! < 0 ? ~codes[at]! : -1;
    }),
  );
  const deciding = Array.from({ length }, (_, i) => i).filter((i) => codes[i]! >= 0);
  const child = (list: number[]) =>
    Int32Array.from(deciding, (i) => codes[indexOf.get(`${trees[i]} ${list[i]}`) ?? length]!);
  const mode = deciding.map((i) => modes.indexOf(names[i] as (typeof modes)[number]));
  const transform = (text('post_transform') ?? 'NONE') as Transform;
  if (!found || mode.includes(-1) || !transforms.includes(transform)) return null;
  const labels = ['classlabels_strings', 'classlabels_int64s'].map((name) => {
    const attribute = node.attributes.get(name);
    return attribute ? attribute.ints.length + attribute.strings.length : 0;
  });
  return {
    targets: isClassifier ? labels[0]! || labels[1]! : (ints('n_targets')[0] ?? 0),
    roots: roots.map((i) => codes[i]!),
    feature: deciding.map((i) => feature[i]!),
    split: deciding.map((i) => split[i]!),
    mode: Uint8Array.from(mode),
    tracks: Uint8Array.from(deciding, (i) => (tracks[i] === 1 ? 1 : 0)),
    yes: child(yesIds),
    no: child(noIds),
    members: new Map(),
    leaves: found,
    aggregate: text('aggregate_function') ?? 'SUM',
    transform,
    base: reals('base_values'),
  };
}

/** TreeEnsemble (ai.onnx.ml 5): leaves have their own lists, and sets their own, NaN after each. */
function readNew(node: OnnxNode): Ensemble | null {
  const { ints, reals } = numbersAt(node);
  const [feature, split, roots] = [ints('nodes_featureids'), reals('nodes_splits'), ints('tree_roots')];
  const mode = Uint8Array.from(reals('nodes_modes'));
  const { length } = feature;
  const [targets, weights] = [ints('leaf_targetids'), reals('leaf_weights')];
  const lists = ['nodes_truenodeids', 'nodes_falsenodeids', 'nodes_trueleafs', 'nodes_falseleafs'].map(ints);
  if ([split, mode, ...lists].some((list) => list.length !== length)) return null;
  const [yes, no, yesLeaf, noLeaf] = lists as [number[], number[], number[], number[]];
  const code = (ids: number[], isLeaf: number[]) =>
    Int32Array.from(ids, (id, i) => (isLeaf[i] === 0 ? id : ~id));
  const inside = (id: number, isLeaf: boolean) => id >= 0 && id < (isLeaf ? weights.length : length);
  const fits =
    yes.every((id, i) => inside(id, yesLeaf[i] !== 0)) &&
    no.every((id, i) => inside(id, noLeaf[i] !== 0)) &&
    roots.every((root) => inside(root, false)) &&
    mode.every((one) => one < modes.length);
  const members = membersOf(mode, reals('membership_values'));
  const leaves = leafWeights(weights.length, targets, weights, [...weights.keys()]);
  const tracks = ints('nodes_missing_value_tracks_true');
  // onnxruntime 1.30 numbers the transforms otherwise than ONNX does: what it makes of them is left to it.
  const isPlain = (ints('post_transform')[0] ?? 0) === 0;
  if (!fits || !members || !leaves || !isPlain) return null;
  return {
    targets: ints('n_targets')[0] ?? 0,
    // A tree that is one leaf is written as a node with that leaf on both sides.
    roots: roots.map((root) =>
      yesLeaf[root] !== 0 && noLeaf[root] !== 0 && yes[root] === no[root] ? ~yes[root]! : root,
    ),
    feature,
    split,
    mode,
    tracks: Uint8Array.from(feature, (_, i) => (tracks[i] === 1 ? 1 : 0)),
    yes: code(yes, yesLeaf),
    no: code(no, noLeaf),
    members,
    leaves,
    aggregate: ['AVERAGE', 'SUM', 'MIN', 'MAX'][ints('aggregate_function')[0] ?? 1] ?? '',
    transform: 'NONE',
    base: [],
  };
}

/** Null for sets whose values onnxruntime compares otherwise: beyond 0 … 30 it cuts a row's value to a whole number. */
function membersOf(mode: Uint8Array, values: number[]): Map<number, number[]> | null {
  const members = new Map<number, number[]>();
  let at = 0;
  for (const [node, one] of mode.entries()) {
    if (modes[one] !== 'BRANCH_MEMBER') continue;
    const end = values.findIndex((value, k) => k >= at && Number.isNaN(value));
    const set = values.slice(at, end < 0 ? values.length : end);
    if (set.length === 0 || set.length > 30 || !set.every((value) => value >= 0 && value <= 30)) return null;
    members.set(node, set);
    at = end < 0 ? values.length : end + 1;
  }
  return members;
}

/** Brings weights to their leaves: `leafOf` is a leaf, -1 for weights that are passed over, null where there is no such node. */
function leafWeights(
  leaves: number,
  targets: number[],
  weights: number[],
  leafOf: (number | null)[],
): Ensemble['leaves'] | null {
  if (targets.length !== weights.length || targets.length !== leafOf.length) return null;
  const start = new Uint32Array(leaves + 1);
  for (const leaf of leafOf) {
    if (leaf === null) return null;
    if (leaf >= 0) start[leaf + 1]!++;
  }
  for (let leaf = 0; leaf < leaves; leaf++) start[leaf + 1]! += start[leaf]!;
  const next = start.slice();
  const target = new Array<number>(start[leaves]!);
  const weight = new Array<number>(start[leaves]!);
  for (const [k, leaf] of leafOf.entries()) {
    if (leaf! < 0) continue;
    target[next[leaf!]!] = targets[k]!;
    weight[next[leaf!]!++] = weights[k]!;
  }
  return { start, target, weight };
}
