/** What a CatBoost file holds, whichever its format. Borders are float32 values, ascending. */
export interface CatboostModel {
  format: 'json' | 'cbm';
  /** Numbers that a leaf has, and sums that a row gets. */
  dimension: number;
  numeric: NumericFeature[];
  categorical: CategoricalFeature[];
  oneHot: OneHotFeature[];
  ctrs: Ctr[];
  /** By `tableKey`. */
  tables: Map<string, CtrTable>;
  trees: Trees;
  /** Row-major: leaf × dimension. */
  leaves: Float64Array;
  /** What the training rows of each leaf weigh; of another length where the file does not say it. */
  weights: Float64Array;
  /** The answer before the link is scale · sum + bias. */
  scale: number;
  bias: Float64Array;
  info: ModelInfo;
}

/** `index` counts the features of its type, `flat` all features of a row. */
interface Position {
  name: string;
  index: number;
  flat: number;
}

export interface NumericFeature extends Position {
  borders: Float64Array;
  /** What a missing value answers to "x > border". `AsIs`: training had none; it answers false. */
  missing: (typeof missingTreatments)[number];
}

/** In the order of CatBoost's `ENanValueTreatment`. */
export const missingTreatments = ['AsIs', 'AsFalse', 'AsTrue'] as const;

export type CategoricalFeature = Position;

/** Splits "the category's hash is values[k]" of the categorical feature `index`. */
export interface OneHotFeature {
  index: number;
  values: Int32Array;
}

/** In the order of CatBoost's `ECtrType`. */
export const ctrTypes = [
  'Borders',
  'Buckets',
  'BinarizedTargetMeanValue',
  'FloatTargetMeanValue',
  'Counter',
  'FeatureFreq',
] as const;
export type CtrType = (typeof ctrTypes)[number];

/** What is hashed to look a row up in a table: category hashes, then answers of numeric and of one-hot splits. */
export interface Combination {
  categorical: number[];
  numeric: { index: number; border: number }[];
  oneHot: { index: number; value: number }[];
}

/** A number that is made of a row's categories by what training saw of them ("online CTR"). */
export interface Ctr {
  type: CtrType;
  combination: Combination;
  /** Which binarization of the target its table counts. */
  classifier: number;
  targetBorder: number;
  priorNumerator: number;
  priorDenominator: number;
  shift: number;
  scale: number;
  borders: Float64Array;
}

/** What training saw of each combination: `width` numbers a hash. */
export interface CtrTable {
  /** Upper and lower half of each hash. */
  hashes: Uint32Array;
  width: number;
  counts: Float64Array;
  denominator: number;
}

export const tableKey = ({
  type,
  combination,
  classifier,
}: Pick<Ctr, 'type' | 'combination' | 'classifier'>) =>
  JSON.stringify([
    type,
    classifier,
    combination.categorical,
    combination.numeric.map(({ index, border }) => [index, border]),
    combination.oneHot.map(({ index, value }) => [index, value]),
  ]);

/**
 * Splits are named by their place among all: borders feature by feature, then one-hot values, then CTR borders.
 * Symmetric: tree t asks sizes[t] splits, the same on every path; bit d of its leaf's index is the answer to the d-th.
 * Otherwise: nodes with child codes (a node if >= 0, else ~leaf); a true answer goes right.
 */
export type Trees =
  | { symmetric: true; sizes: Int32Array; splits: Int32Array }
  | { symmetric: false; roots: Int32Array; split: Int32Array; left: Int32Array; right: Int32Array };

/** What the file says of its training; null where it does not. */
export interface ModelInfo {
  version: string | null;
  loss: string | null;
  classes: (string | number)[] | null;
}
