import type { CatboostModel, CategoricalFeature, NumericFeature } from './catboost-model.ts';

/**
 * What the forest sees of a row: the features in the row's order (of a categorical one: which of its one-hot values
 * it has, or -1), then a column a CTR.
 */
export interface Columns {
  features: (({ type: 'number' } & NumericFeature) | ({ type: 'string' } & CategoricalFeature))[];
  /** Column of the numeric, of the categorical feature of that index. */
  numeric: Map<number, number>;
  categorical: Map<number, number>;
  /** Column of the first CTR. */
  ctrs: number;
  width: number;
}

/** Places that `flat` indices leave out (features dropped from the model) are no columns. */
export function columnsOf({ numeric, categorical, ctrs }: CatboostModel): Columns {
  const features = [
    ...numeric.map((feature) => ({ type: 'number' as const, ...feature })),
    ...categorical.map((feature) => ({ type: 'string' as const, ...feature })),
  ].sort((a, b) => a.flat - b.flat);
  const byIndex = (type: 'number' | 'string') =>
    new Map(features.flatMap((feature, column) => (feature.type === type ? [[feature.index, column]] : [])));
  return {
    features,
    numeric: byIndex('number'),
    categorical: byIndex('string'),
    ctrs: features.length,
    width: features.length + ctrs.length,
  };
}

/** By categorical feature: the code of each of its one-hot values. */
export const codesOf = ({ oneHot }: CatboostModel): Map<number, Map<number, number>> =>
  new Map(
    oneHot.map(({ index, values }) => [index, new Map(Array.from(values, (value, code) => [value, code]))]),
  );
