import type { Forest } from '../../../src/models/forest/forest.ts';
import { Rule } from '../../../src/models/forest/forest.ts';

export interface Shape {
  seed: number;
  trees: number;
  /** The most leaves a tree has (at least 1). */
  leaves: number;
  features: number;
  groups: number;
  /** Thresholds are drawn from so many distinct ones a feature. */
  bins: number;
  compare: 'float64' | 'float32';
  sum: 'float64' | 'float32';
  /** Which rules nodes may have: any mixture of all, or only x <= threshold without missing values. */
  rules: 'all' | 'plain';
  linear: boolean;
  /** Leaves of a number a group; not linear ones. */
  vectors?: boolean;
}

/** Uniform in [0, 1), the same for the same seed (mulberry32). */
export function seeded(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

/** Standard normal. */
export const normal = (random: () => number): number =>
  Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());

/** A forest whose trees grow as leaf-wise learners grow them, by splitting one leaf at a time: uneven. */
export function randomForest(shape: Shape): Forest {
  const random = seeded(shape.seed);
  const below = (n: number): number => Math.floor(random() * n);
  const pick = <T>(items: readonly T[]): T => items[below(items.length)]!;
  const cuts = Array.from({ length: shape.features }, () =>
    Float64Array.from({ length: shape.bins }, () => normal(random)),
  );
  const odd = [0, -0, 1e-35, -1e-35, 1, Infinity, 5e-324, 1e300];

  const roots: number[] = [];
  const nodes: { feature: number; threshold: number; rule: number; left: number; right: number }[] = [];
  const leaves: number[] = [];
  const starts = [0];
  const words: number[] = [];

  const newNode = (left: number, right: number) => {
    const feature = below(shape.features);
    const node = { feature, threshold: pick([...cuts[feature]!]), rule: 0, left, right };
    if (shape.rules === 'plain') return node;
    if (random() < 0.1) node.threshold = pick(odd);
    node.rule =
      pick([0, Rule.missingNaN, Rule.missingZero]) | pick([0, Rule.defaultLeft]) | pick([0, Rule.strict]);
    if (random() < 0.2) {
      node.rule = Rule.categorical | pick([0, Rule.defaultLeft]) | pick([0, Rule.setLeft]);
      node.threshold = starts.length - 1;
      for (let k = below(4); k > 0; k--) words.push(pick([0, 0xffffffff, Math.floor(random() * 2 ** 32)]));
      starts.push(words.length);
    }
    return node;
  };

  for (let tree = 0; tree < shape.trees; tree++) {
    const open: { node: number; side: 'left' | 'right' }[] = [];
    roots.push(~leaves.length);
    leaves.push(normal(random) / 10);
    const target = shape.rules === 'plain' ? shape.leaves : 1 + below(shape.leaves);
    for (let count = 1; count < target; count++) {
      const place = open.length === 0 ? null : open.splice(below(open.length), 1)[0]!;
      const parent = place === null ? null : nodes[place.node]!;
      const oldLeaf = parent === null ? roots[tree]! : parent[place!.side];
      const index = nodes.length;
      nodes.push(newNode(oldLeaf, ~leaves.length));
      leaves.push(normal(random) / 10);
      if (parent === null) roots[tree] = index;
      else parent[place!.side] = index;
      open.push({ node: index, side: 'left' }, { node: index, side: 'right' });
    }
  }
  const isLinear = leaves.map(() => shape.linear && random() < 0.5);
  const termsOf = isLinear.map((linear) => (linear ? below(4) : 0));
  let terms = 0;
  return {
    features: shape.features,
    groups: shape.groups,
    compare: shape.compare,
    sum: shape.sum,
    start: Float64Array.from({ length: shape.groups }, () =>
      Math.fround(shape.rules === 'plain' ? 0 : random()),
    ),
    roots: Int32Array.from(roots),
    treeGroups: Int32Array.from(roots, (_, tree) =>
      shape.vectors ? 0 : shape.rules === 'plain' ? tree % shape.groups : below(shape.groups),
    ),
    feature: Int32Array.from(nodes, (node) => node.feature),
    threshold: Float64Array.from(nodes, (node) => node.threshold),
    rule: Uint8Array.from(nodes, (node) => node.rule),
    left: Int32Array.from(nodes, (node) => node.left),
    right: Int32Array.from(nodes, (node) => node.right),
    leaves: Float64Array.from(
      shape.vectors
        ? leaves.flatMap((value) => Array.from({ length: shape.groups }, (_, k) => value / (k + 1)))
        : leaves,
      (value) => (shape.sum === 'float32' ? Math.fround(value) : value),
    ),
    vectors: shape.vectors ?? false,
    sets: { start: Uint32Array.from(starts), words: Uint32Array.from(words) },
    linear: !shape.linear
      ? null
      : {
          start: Uint32Array.from([0, ...termsOf], (count) => (terms += count)),
          constant: Float64Array.from(leaves, (value, leaf) => (isLinear[leaf] ? value + 1 : value)),
          feature: Int32Array.from({ length: terms + termsOf.reduce((a, b) => a + b, 0) }, () =>
            below(shape.features),
          ),
          coefficient: Float64Array.from({ length: termsOf.reduce((a, b) => a + b, 0) }, () =>
            normal(random),
          ),
        },
  };
}
