/**
 * Trees that ask the same on every path of a level (CatBoost's oblivious trees): a leaf's index is the answers' bits.
 * All values are rounded to float32 before they are compared; sums are float64, tree by tree, beginning with 0.
 */
export interface SymmetricForest {
  features: number;
  /** Sums that a row gets. */
  groups: number;
  tests: SymmetricTests;
  /** Tests that each tree asks. */
  sizes: Int32Array;
  /** Tests of all trees; bit d of a leaf's index is the answer to its tree's d-th test. */
  asked: Int32Array;
  /** Row-major: leaf × group, all trees' leaves one after another. */
  leaves: Float64Array;
}

/** The distinct tests of a forest. */
export interface SymmetricTests {
  feature: Int32Array;
  /** A float32, or the code. */
  threshold: Float64Array;
  kind: Uint8Array;
}

/** What a test asks. Codes are whole numbers from 0 to 254; a feature that is asked for codes has one of them, or -1. */
export const TestKind = {
  /** x > threshold; NaN is not. */
  above: 0,
  /** x > threshold; NaN is. */
  aboveOrMissing: 1,
  /** x is the code. */
  isCode: 2,
} as const;
