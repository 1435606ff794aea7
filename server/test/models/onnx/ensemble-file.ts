import { seeded } from '../forest/random-forest.ts';
import {
  attribute,
  floats,
  message,
  model,
  node,
  opset,
  packed,
  tensor,
  value,
  varints,
} from './onnx-file.ts';

/** Tree ensembles that an exporter could write, at random, in the old operators and in the new one. */
export interface EnsembleShape {
  seed: number;
  op: 'TreeEnsembleClassifier' | 'TreeEnsembleRegressor' | 'TreeEnsemble';
  trees: number;
  /** The most nodes on a path. */
  depth: number;
  features: number;
  /** Classes, or targets. */
  targets: number;
  /** Every leaf has a weight for each target, or for one. */
  dense: boolean;
  /** Which modes nodes have, of `modes`. */
  modes: readonly number[];
  tracks: boolean;
  base: 'none' | 'one' | 'each';
  transform: number;
  /** Rows in double precision; thresholds and weights are float32 all the same. */
  double: boolean;
  average: boolean;
  /** Weights are shares of one, as those of a random forest. */
  positive: boolean;
}

const modeNames = [
  'BRANCH_LEQ',
  'BRANCH_LT',
  'BRANCH_GTE',
  'BRANCH_GT',
  'BRANCH_EQ',
  'BRANCH_NEQ',
  'BRANCH_MEMBER',
];
const transformNames = ['NONE', 'SOFTMAX', 'LOGISTIC', 'SOFTMAX_ZERO', 'PROBIT'];
const type = { float: 1, int: 2, string: 3, tensor: 4, floats: 6, ints: 7, strings: 8 };

interface Node {
  tree: number;
  id: number;
  feature: number;
  split: number;
  mode: number;
  tracks: number;
  yes: number;
  no: number;
  /** Set for leaves. */
  weights: { target: number; weight: number }[] | null;
  members: number[];
}

/** The file's bytes, and its thresholds, for rows that come near them. */
export function randomEnsemble(shape: EnsembleShape): { bytes: Uint8Array; splits: number[] } {
  const random = seeded(shape.seed);
  const below = (n: number): number => Math.floor(random() * n);
  const weight = (): number =>
    Math.fround(shape.positive ? random() / shape.trees : (random() - 0.5) * 10 ** below(3));
  const nodes: Node[] = [];
  for (let tree = 0; tree < shape.trees; tree++) {
    const first = nodes.length;
    const grow = (depth: number): number => {
      const id = nodes.length - first;
      const mode = shape.modes[below(shape.modes.length)]!;
      const isSet = mode >= 4;
      const made: Node = {
        tree,
        id,
        feature: below(shape.features),
        split: isSet ? below(6) : Math.fround(random() < 0.2 ? below(5) - 2 : (random() - 0.5) * 4),
        mode,
        tracks: shape.tracks ? below(2) : 0,
        yes: 0,
        no: 0,
        weights: null,
        members: [below(6), below(6), below(31)],
      };
      nodes.push(made);
      if (depth === 0 || random() < 0.15) {
        const targets = shape.dense ? [...Array(shape.targets).keys()] : [tree % shape.targets];
        made.weights = targets.map((target) => ({ target, weight: weight() }));
        return id;
      }
      made.yes = grow(depth - 1);
      let last = made;
      // A set, as LightGBM's exporter writes it: equalities in a row that lead to one child.
      for (; mode === 4 && shape.op !== 'TreeEnsemble' && random() < 0.5; last = nodes.at(-1)!) {
        last.no = nodes.length - first;
        nodes.push({ ...made, id: last.no, split: below(6) });
      }
      last.no = grow(depth - 1);
      return id;
    };
    // The new operator's roots are nodes that decide.
    do {
      nodes.length = first;
      grow(shape.depth);
    } while (nodes[first]!.weights !== null);
  }
  const count = shape.base === 'none' ? 0 : shape.base === 'one' ? 1 : shape.targets;
  const base = Array.from({ length: count }, () => Math.fround(random() - 0.3));
  const attributes =
    shape.op === 'TreeEnsemble' ? newAttributes(shape, nodes) : oldAttributes(shape, nodes, base);
  const isClassifier = shape.op === 'TreeEnsembleClassifier';
  const graph = message(
    node(shape.op, ['X'], isClassifier ? ['label', 'Y'] : ['Y'], [7, 'ai.onnx.ml'], ...attributes),
    [2, 'g'],
    value(11, 'X', shape.features, shape.double ? 11 : 1),
    ...(isClassifier ? [labels] : []),
    value(12, 'Y', shape.targets),
  );
  const bytes =
    shape.op === 'TreeEnsemble'
      ? message([1, 10], [7, graph], opset('', 21), opset('ai.onnx.ml', 5))
      : model(graph);
  return { bytes, splits: nodes.flatMap((one) => (one.weights ? [] : [one.split, ...one.members])) };
}

/** int64, one a row. */
const labels: [number, Uint8Array] = [
  12,
  message([1, 'label'], [2, message([1, message([1, 7], [2, message([1, message([2, 'N'])])])])]),
];

const ints = (name: string, values: number[]) => attribute(name, [8, packed(values)], [20, type.ints]);
const reals = (name: string, values: number[]) =>
  attribute(name, [7, new Uint8Array(Float32Array.from(values).buffer)], [20, type.floats]);
const texts = (name: string, values: string[]) =>
  attribute(name, ...values.map((text): [number, string] => [9, text]), [20, type.strings]);
const text = (name: string, one: string) => attribute(name, [4, one], [20, type.string]);
const int = (name: string, one: number) => attribute(name, [3, one], [20, type.int]);

function oldAttributes(shape: EnsembleShape, nodes: Node[], base: number[]) {
  const isClassifier = shape.op === 'TreeEnsembleClassifier';
  const prefix = isClassifier ? 'class' : 'target';
  const given = nodes.flatMap((one) =>
    (one.weights ?? []).map((of) => ({ ...of, tree: one.tree, id: one.id })),
  );
  return [
    ints(
      'nodes_treeids',
      nodes.map(({ tree }) => tree),
    ),
    ints(
      'nodes_nodeids',
      nodes.map(({ id }) => id),
    ),
    ints(
      'nodes_featureids',
      nodes.map(({ feature }) => feature),
    ),
    ints(
      'nodes_truenodeids',
      nodes.map(({ yes }) => yes),
    ),
    ints(
      'nodes_falsenodeids',
      nodes.map(({ no }) => no),
    ),
    ints(
      'nodes_missing_value_tracks_true',
      nodes.map(({ tracks }) => tracks),
    ),
    reals(
      'nodes_values',
      nodes.map(({ split, weights }) => (weights ? 0 : split)),
    ),
    texts(
      'nodes_modes',
      nodes.map(({ mode, weights }) => (weights ? 'LEAF' : modeNames[mode]!)),
    ),
    ints(
      `${prefix}_treeids`,
      given.map(({ tree }) => tree),
    ),
    ints(
      `${prefix}_nodeids`,
      given.map(({ id }) => id),
    ),
    ints(
      `${prefix}_ids`,
      given.map(({ target }) => target),
    ),
    reals(
      `${prefix}_weights`,
      given.map(({ weight }) => weight),
    ),
    text('post_transform', transformNames[shape.transform]!),
    ...(base.length > 0 ? [reals('base_values', base)] : []),
    ...(isClassifier
      ? [ints('classlabels_int64s', [...Array(shape.targets).keys()])]
      : [int('n_targets', shape.targets), text('aggregate_function', shape.average ? 'AVERAGE' : 'SUM')]),
  ];
}

function newAttributes(shape: EnsembleShape, nodes: Node[]) {
  const inner = nodes.filter(({ weights }) => !weights);
  const leaves = nodes.filter(({ weights }) => weights);
  const find = (one: Node, id: number): Node =>
    nodes.find((other) => other.tree === one.tree && other.id === id)!;
  const child = (of: (one: Node) => number) =>
    inner.map((one) => find(one, of(one))).map((to) => (to.weights ? leaves : inner).indexOf(to));
  const isLeaf = (of: (one: Node) => number) => inner.map((one) => (find(one, of(one)).weights ? 1 : 0));
  const bytesOf = (values: number[]): Uint8Array =>
    message([1, varints(values.length)], [2, 2], [8, 'm'], [9, Uint8Array.from(values)]);
  const at = (name: string, content: Uint8Array) => attribute(name, [5, content], [20, type.tensor]);
  const sets = inner.filter(({ mode }) => mode === 6).flatMap(({ members }) => [...members, Number.NaN]);
  const [yes, no] = [(one: Node) => one.yes, (one: Node) => one.no];
  return [
    int('n_targets', shape.targets),
    int('aggregate_function', shape.average ? 0 : 1),
    int('post_transform', shape.transform),
    ints(
      'tree_roots',
      inner.flatMap((one, k) => (one.id === 0 ? [k] : [])),
    ),
    ints(
      'nodes_featureids',
      inner.map(({ feature }) => feature),
    ),
    at('nodes_splits', tensor('s', [inner.length], floats(...inner.map(({ split }) => split)))),
    at('nodes_modes', bytesOf(inner.map(({ mode }) => mode))),
    ints('nodes_truenodeids', child(yes)),
    ints('nodes_falsenodeids', child(no)),
    ints('nodes_trueleafs', isLeaf(yes)),
    ints('nodes_falseleafs', isLeaf(no)),
    ints(
      'nodes_missing_value_tracks_true',
      inner.map(({ tracks }) => tracks),
    ),
    ints(
      'leaf_targetids',
      leaves.map(({ weights }) => weights![0]!.target),
    ),
    at(
      'leaf_weights',
      tensor('w', [leaves.length], floats(...leaves.map(({ weights }) => weights![0]!.weight))),
    ),
    ...(sets.length > 0 ? [at('membership_values', tensor('v', [sets.length], floats(...sets)))] : []),
  ];
}
