/**
 * The one form of every format's trees, before compiling: flat arrays, all trees one after another.
 * A child code is a node's index if >= 0, else `~leaf`. Every node and leaf belongs to exactly one tree
 * and has one parent, no threshold is NaN, no strict one -Infinity, and leaves are finite: readers check that.
 */
export interface Forest {
  features: number;
  /** Sums that a row gets: 1, or one a class or target. */
  groups: number;
  /** `float32`: row values and thresholds are rounded to float32 before they are compared, and category codes down (float64: toward zero). */
  compare: 'float64' | 'float32';
  /** `float32`: the sum is rounded to float32 after every tree. */
  sum: 'float64' | 'float32';
  /** What each group's sum begins with. */
  start: Float64Array;
  /** A tree's root (a child code) and its group (0 with `vectors`), in summing order. */
  roots: Int32Array;
  treeGroups: Int32Array;
  feature: Int32Array;
  /** Numeric node: where it splits. Categorical node: index of its set of codes in `sets`. */
  threshold: Float64Array;
  /** Bits of `Rule`. */
  rule: Uint8Array;
  left: Int32Array;
  right: Int32Array;
  leaves: Float64Array;
  /** Whether a leaf is a number a group (`leaves`: leaves × groups, row-major): each tree then adds to all groups. */
  vectors?: boolean;
  sets: CategorySets;
  linear: LinearLeaves | null;
}

/** How a node decides; missing values of `asZero` nodes are compared as 0. */
export const Rule = {
  /** Left if x < threshold; without it: if x <= threshold. */
  strict: 1,
  categorical: 2,
  /** NaN takes the default side (categorical nodes: always). */
  missingNaN: 4,
  /** NaN and |x| <= nearZero take the default side. */
  missingZero: 8,
  defaultLeft: 16,
  /** Categorical: codes in the set go left, all others right; without it the reverse. */
  setLeft: 32,
} as const;

/** The float32 nearest 1e-35, within which LightGBM holds a value to be zero. */
export const nearZero = Math.fround(1e-35);

/** Set k holds code c if bit c % 32 of `words[start[k] + floor(c / 32)]` is set (and that lies before start[k + 1]). */
export interface CategorySets {
  start: Uint32Array;
  words: Uint32Array;
}

/**
 * Leaves that are linear models: constant[l] + Σ coefficient[i] · x[feature[i]], i from start[l] to start[l + 1], in
 * that order; the plain leaf value if one of those x is NaN; |x| <= nearZero counts as 0.
 */
export interface LinearLeaves {
  start: Uint32Array;
  constant: Float64Array;
  feature: Int32Array;
  coefficient: Float64Array;
}

/** Edges from each tree's root to its farthest leaf. Takes no stack, however deep the tree. */
export function treeDepths(forest: Forest): Int32Array {
  const { left, right, roots } = forest;
  const depths = new Int32Array(roots.length);
  const codes: number[] = [];
  const levels: number[] = [];
  for (let tree = 0; tree < roots.length; tree++) {
    codes.push(roots[tree]!);
    levels.push(0);
    while (codes.length > 0) {
      const code = codes.pop()!;
      const level = levels.pop()!;
      if (code < 0) {
        if (level > depths[tree]!) depths[tree] = level;
        continue;
      }
      codes.push(left[code]!, right[code]!);
      levels.push(level + 1, level + 1);
    }
  }
  return depths;
}
