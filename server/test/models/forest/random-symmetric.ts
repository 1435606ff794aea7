import type { Forest } from '../../../src/models/forest/forest.ts';
import { Rule } from '../../../src/models/forest/forest.ts';
import type { SymmetricForest } from '../../../src/models/forest/symmetric.ts';
import { TestKind } from '../../../src/models/forest/symmetric.ts';
import { normal, seeded } from './random-forest.ts';

export interface SymmetricShape {
  seed: number;
  trees: number;
  /** The most tests a tree asks. */
  depth: number;
  features: number;
  groups: number;
  /** Distinct thresholds a feature. */
  bins: number;
  /** Whether every third feature holds codes. */
  codes: boolean;
}

/** Most trees as deep as they may be, as learners grow them; some shallower. */
export function randomSymmetric(shape: SymmetricShape): SymmetricForest {
  const random = seeded(shape.seed);
  const below = (n: number): number => Math.floor(random() * n);
  const tests = Array.from({ length: shape.features }, (_, feature) => {
    if (shape.codes && feature % 3 === 2) {
      const length = Math.min(shape.bins, 255);
      return Array.from({ length }, (_, code) => ({ feature, threshold: code, kind: TestKind.isCode }));
    }
    const kind = random() < 0.5 ? TestKind.above : TestKind.aboveOrMissing;
    const thresholds = new Set(Array.from({ length: shape.bins }, () => Math.fround(normal(random))));
    return Array.from(thresholds, (threshold) => ({ feature, threshold, kind }));
  }).flat();
  const sizes = Int32Array.from({ length: shape.trees }, () =>
    random() < 0.8 ? shape.depth : below(shape.depth + 1),
  );
  const leaves = sizes.reduce((sum, size) => sum + 2 ** size, 0) * shape.groups;
  return {
    features: shape.features,
    groups: shape.groups,
    tests: {
      feature: Int32Array.from(tests, ({ feature }) => feature),
      threshold: Float64Array.from(tests, ({ threshold }) => threshold),
      kind: Uint8Array.from(tests, ({ kind }) => kind),
    },
    sizes,
    asked: Int32Array.from({ length: sizes.reduce((sum, size) => sum + size, 0) }, () => below(tests.length)),
    leaves: Float64Array.from({ length: leaves }, () => normal(random)),
  };
}

/** The same trees as binary ones: what symmetric trees mean, in the form that all others have. */
export function expanded({ features, groups, tests, sizes, asked, leaves }: SymmetricForest): Forest {
  const node = { feature: [] as number[], threshold: [] as number[], rule: [] as number[] };
  const left: number[] = [];
  const right: number[] = [];
  const roots: number[] = [];
  const treeGroups: number[] = [];
  const values: number[] = [];
  const words: number[] = [];
  const start = [0];
  let first = 0;
  let firstLeaf = 0;
  for (const size of sizes) {
    for (let group = 0; group < groups; group++) {
      const grow = (depth: number, index: number): number => {
        if (depth === size) return ~(values.push(leaves[(firstLeaf + index) * groups + group]!) - 1);
        const test = asked[first + depth]!;
        const threshold = tests.threshold[test]!;
        const at = node.feature.push(tests.feature[test]!) - 1;
        if (tests.kind[test] === TestKind.isCode) {
          node.threshold.push(start.length - 1);
          node.rule.push(Rule.categorical | Rule.defaultLeft);
          for (let word = 0; word < threshold >>> 5; word++) words.push(0);
          start.push(words.push(2 ** (threshold & 31)));
        } else {
          const isRight = tests.kind[test] === TestKind.aboveOrMissing;
          node.threshold.push(threshold);
          node.rule.push(isRight ? Rule.missingNaN : Rule.missingNaN | Rule.defaultLeft);
        }
        left[at] = grow(depth + 1, index);
        right[at] = grow(depth + 1, index + 2 ** depth);
        return at;
      };
      roots.push(grow(0, 0));
      treeGroups.push(group);
    }
    first += size;
    firstLeaf += 2 ** size;
  }
  return {
    features,
    groups,
    compare: 'float32',
    sum: 'float64',
    start: new Float64Array(groups),
    roots: Int32Array.from(roots),
    treeGroups: Int32Array.from(treeGroups),
    feature: Int32Array.from(node.feature),
    threshold: Float64Array.from(node.threshold),
    rule: Uint8Array.from(node.rule),
    left: Int32Array.from(left),
    right: Int32Array.from(right),
    leaves: Float64Array.from(values),
    sets: { start: Uint32Array.from(start), words: Uint32Array.from(words) },
    linear: null,
  };
}
