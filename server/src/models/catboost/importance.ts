import type { Importance } from '../model.ts';
import type { CatboostModel, Trees } from './catboost-model.ts';
import type { Columns } from './columns.ts';
import { listSplits } from './splits.ts';

/**
 * CatBoost's PredictionValuesChange (`get_feature_importance()`), per cent: how far the sum moves, over the training
 * rows, where a split is answered otherwise (catboost/libs/fstr/feature_str.h, calc_fstr.cpp). None where the file does
 * not say what the leaves weigh. Pure.
 */
export function importanceOf(model: CatboostModel, columns: Columns): Importance[] {
  const { trees, leaves, weights, dimension } = model;
  if (weights.length * dimension !== leaves.length || !weights.every((one) => one >= 0)) return [];
  const effects = trees.symmetric ? symmetricEffects(model, trees) : treeEffects(model, trees);
  const features = featuresOfSplits(model, columns);
  const values = new Float64Array(columns.features.length);
  for (const [split, effect] of effects)
    for (const feature of features[split]!) values[feature]! += effect / features[split]!.length;
  const total = values.reduce((sum, value) => sum + value, 0);
  // Trees of one leaf move nothing.
  return [{ measure: 'effect', values: Array.from(values, (one) => (total > 0 ? (100 * one) / total : 0)) }];
}

/** Columns that each split asks; those that a CTR is made of share alike. */
function featuresOfSplits(model: CatboostModel, { numeric, categorical }: Columns): number[][] {
  return listSplits(model).map(({ kind, index }) => {
    if (kind === 'numeric') return [numeric.get(index)!];
    if (kind === 'oneHot') return [categorical.get(index)!];
    const { combination } = model.ctrs[index]!;
    return [
      ...combination.categorical.map((one) => categorical.get(one)!),
      ...combination.numeric.map((one) => numeric.get(one.index)!),
      ...combination.oneHot.map((one) => categorical.get(one.index)!),
    ];
  });
}

/** By split: leaves that differ in its answer alone, pair by pair. */
function symmetricEffects(
  { leaves, weights, dimension }: CatboostModel,
  { sizes, splits }: Trees & { symmetric: true },
): Map<number, number> {
  const effects = new Map<number, number>();
  let [asked, first] = [0, 0];
  for (const size of sizes) {
    const end = first + 2 ** size;
    for (let bit = 0; bit < size; bit++) {
      let effect = 0;
      for (let one = first; one < end; one++) {
        if ((((one - first) >> bit) & 1) === 1) continue;
        const other = one + (1 << bit);
        for (let k = 0; k < dimension; k++)
          effect += spread(
            leaves[one * dimension + k]!,
            weights[one]!,
            leaves[other * dimension + k]!,
            weights[other]!,
          );
      }
      const split = splits[asked + bit]!;
      effects.set(split, (effects.get(split) ?? 0) + effect);
    }
    asked += size;
    first = end;
  }
  return effects;
}

/** By split: a node's two sides, each by the mean of what it leads to. Children stand behind their parents. */
function treeEffects(
  { leaves, weights, dimension }: CatboostModel,
  { split, left, right }: Trees & { symmetric: false },
): Map<number, number> {
  const effects = new Map<number, number>();
  const means = new Float64Array(split.length * dimension);
  const counts = new Float64Array(split.length);
  const count = (code: number): number => (code < 0 ? weights[~code]! : counts[code]!);
  const mean = (code: number, k: number): number =>
    code < 0 ? leaves[~code * dimension + k]! : means[code * dimension + k]!;
  for (let node = split.length - 1; node >= 0; node--) {
    const [one, other] = [left[node]!, right[node]!];
    const [here, there] = [count(one), count(other)];
    let effect = 0;
    for (let k = 0; k < dimension; k++) {
      const [a, b] = [mean(one, k), mean(other, k)];
      effect += spread(a, here, b, there);
      means[node * dimension + k] = here + there > 0 ? (a * here + b * there) / (here + there) : 0;
    }
    counts[node] = here + there;
    effects.set(split[node]!, (effects.get(split[node]!) ?? 0) + effect);
  }
  return effects;
}

/** Squared distances of two values from their mean, weighted. */
function spread(a: number, weightA: number, b: number, weightB: number): number {
  if (weightA === 0 || weightB === 0) return 0;
  const mean = (a * weightA + b * weightB) / (weightA + weightB);
  return (a - mean) ** 2 * weightA + (b - mean) ** 2 * weightB;
}
