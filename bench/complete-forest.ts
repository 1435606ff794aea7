import type { Forest } from '../server/src/models/forest/forest.ts';
import { Rule } from '../server/src/models/forest/forest.ts';
import { normal, randomForest, seeded } from '../server/test/models/forest/random-forest.ts';

/** Complete trees as XGBoost's hist grows them: up to 256 thresholds a feature, each node with a default side. */
export function completeForest(trees: number, depth: number, features: number): Forest {
  const random = seeded(1);
  const cuts = Array.from({ length: features }, () =>
    Float64Array.from({ length: 256 }, () => Math.fround(normal(random))),
  );
  const nodes = 2 ** depth - 1;
  const each = (make: (k: number) => number) => Array.from({ length: trees * nodes }, (_, k) => make(k));
  const child = (k: number, side: number): number => {
    const [tree, place] = [Math.floor(k / nodes), 2 * (k % nodes) + side];
    return place < nodes ? tree * nodes + place : ~(tree * (nodes + 1) + place - nodes);
  };
  const feature = Int32Array.from(each(() => Math.floor(random() * features)));
  return {
    features,
    groups: 1,
    compare: 'float32',
    sum: 'float32',
    start: Float64Array.of(0.5),
    roots: Int32Array.from({ length: trees }, (_, tree) => tree * nodes),
    treeGroups: new Int32Array(trees),
    feature,
    threshold: Float64Array.from(feature, (of) => cuts[of]![Math.floor(random() * 256)]!),
    rule: Uint8Array.from(
      feature,
      () => Rule.strict | Rule.missingNaN | (random() < 0.5 ? Rule.defaultLeft : 0),
    ),
    left: Int32Array.from(each((k) => child(k, 1))),
    right: Int32Array.from(each((k) => child(k, 2))),
    leaves: Float64Array.from({ length: trees * (nodes + 1) }, () => Math.fround(normal(random) / 10)),
    sets: { start: Uint32Array.of(0), words: new Uint32Array() },
    linear: null,
  };
}

/** Trees of 31 leaves as LightGBM grows them, leaf by leaf and uneven; float32, so that ONNX holds the same forest. */
export function unevenForest(trees: number, leaves: number, features: number): Forest {
  const forest = randomForest({
    ...{ seed: 3, trees, leaves, features, groups: 1, bins: 255 },
    ...{ compare: 'float32', sum: 'float32', rules: 'plain', linear: false },
  });
  const random = seeded(4);
  return {
    ...forest,
    threshold: forest.threshold.map(Math.fround),
    rule: forest.rule.map(() => Rule.missingNaN | (random() < 0.5 ? Rule.defaultLeft : 0)),
  };
}

/** What the forest says of a row, by walking it. */
export function plainLoop({ start, roots, feature, threshold, rule, left, right, leaves }: Forest) {
  return (values: Float32Array, from: number): number => {
    let sum = start[0]!;
    for (let tree = 0; tree < roots.length; tree++) {
      let code = roots[tree]!;
      while (code >= 0) {
        const x = values[from + feature[code]!]!;
        const isBelow = (rule[code]! & Rule.strict) !== 0 ? x < threshold[code]! : x <= threshold[code]!;
        const isLeft = isBelow || (Number.isNaN(x) && (rule[code]! & Rule.defaultLeft) !== 0);
        code = isLeft ? left[code]! : right[code]!;
      }
      sum = Math.fround(sum + leaves[~code]!);
    }
    return sum;
  };
}

/** Rows about the forest's own thresholds, so that every part of it is used; all distinct; some cells missing. */
export function rowsFor(forest: Forest, rows: number, missing: number): Float32Array {
  const random = seeded(2);
  const near = Array.from({ length: forest.features }, () => [0]);
  forest.feature.forEach((feature, k) => {
    near[feature]!.push(forest.threshold[k]!);
  });
  return Float32Array.from({ length: rows * forest.features }, (_, k) => {
    const cuts = near[k % forest.features]!;
    const x = cuts[Math.floor(random() * cuts.length)]! * (1 + 1e-3 * normal(random));
    return random() < missing ? Number.NaN : x;
  });
}
