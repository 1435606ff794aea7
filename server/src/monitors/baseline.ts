/** The profile of the data that a version was trained on: small, JSON, kept by digest. */
export interface Baseline {
  format: 1;
  rows: number;
  features: FeatureBaseline[];
  /** Share of each class (by its text) or null for regression. */
  labels: { [label: string]: number } | null;
  /** Regression labels of the training rows; `sd` is the scale of the paired loss. Absent or null for classification. */
  target?: { mean: number; sd: number; min: number; max: number } | null;
  /** The version's own answers on the training rows, if they were scored: accuracy or error "as promised". */
  promise: { metric: 'accuracy' | 'mae'; value: number; rows: number } | null;
}

export interface FeatureBaseline {
  name: string;
  missing: number;
  /** Set when every present value was the same: any other value is news. */
  constant: number | null;
  /** Numeric features (and codes): null for categories with names and strings. */
  numeric: {
    min: number;
    max: number;
    mean: number;
    sd: number;
    median: number;
    /** Ascending inner edges of the bins (at most 19, on quantiles, ties merged); bin k is (edges[k-1], edges[k]]. */
    edges: number[];
    /** Training rows in each bin: edges.length + 1 counts. */
    counts: number[];
  } | null;
  /** Named or coded categories with their counts; at most 100, the rest under `other`. */
  categories: { values: (string | number)[]; counts: number[]; other: number } | null;
  /**
   * How far the training data's own stretches of `rows` consecutive rows lie from the whole: the largest PSI
   * among them, for a few sizes, ascending. A live window is news only beyond that.
   */
  stretches?: { rows: number; psi: number }[];
}
