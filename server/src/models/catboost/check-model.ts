import type { CatboostModel, Ctr, NumericFeature, Trees } from './catboost-model.ts';
import { tableKey } from './catboost-model.ts';
import type { Refusals } from './refusals.ts';
import { listSplits } from './splits.ts';

/** Whatever later code relies on, for both formats. Throws FILE_BROKEN or FILE_UNSUPPORTED. */
export function checkModel(model: CatboostModel, refusals: Refusals): void {
  checkFeatures(model, refusals);
  for (const [k, ctr] of model.ctrs.entries()) checkCtr(model, ctr, `CTR ${k}`, refusals);
  const { scale, bias, dimension, leaves } = model;
  if (!Number.isFinite(scale) || bias.length !== dimension || !bias.every(Number.isFinite)) {
    refusals.broken('scale_and_bias', `is not a finite scale and ${dimension} finite numbers`);
  }
  if (!leaves.every(Number.isFinite)) refusals.broken('leaf_values', 'are not all finite numbers');
  checkTrees(model, refusals);
}

function checkFeatures({ numeric, categorical, oneHot }: CatboostModel, refusals: Refusals): void {
  const all = [...numeric, ...categorical];
  if (all.length === 0) refusals.broken('features', 'there are none');
  const differ = (values: (number | string)[]) => new Set(values).size === values.length;
  const indices = (features: { index: number }[]) => features.map(({ index }) => index);
  if (all.some(({ flat, index }) => flat < 0 || index < 0))
    refusals.broken('features', 'an index is negative');
  if (!differ(all.map(({ flat }) => flat)) || !differ(indices(numeric)) || !differ(indices(categorical))) {
    refusals.broken('features', 'two have the same index');
  }
  if (!differ(all.map(({ name }) => name))) {
    const hint = 'Give each feature a name of its own (feature_names of the Pool) and save the model again.';
    refusals.unsupported('features', 'two have the same name', hint);
  }
  for (const feature of numeric) checkBorders(feature, `feature ${feature.name.slice(0, 80)}`, refusals);
  if (!differ(indices(oneHot)) || oneHot.some(({ index }) => !has(categorical, index))) {
    refusals.broken('one-hot features', 'one is no categorical feature, or stands twice');
  }
  for (const { values } of oneHot) {
    if (values.length > mostOneHot) refusals.broken('one-hot features', `one has ${values.length} values`);
    if (!differ([...values])) refusals.broken('one-hot features', 'a value stands twice');
  }
}

/** CatBoost's own bound (`one_hot_max_size`). */
const mostOneHot = 255;

const has = (features: { index: number }[], index: number): boolean =>
  features.some((feature) => feature.index === index);

function checkBorders({ borders }: Pick<NumericFeature, 'borders'>, place: string, refusals: Refusals): void {
  for (let k = 0; k < borders.length; k++) {
    if (!Number.isFinite(borders[k])) refusals.broken(place, 'a border is no finite number');
    if (k > 0 && borders[k]! <= borders[k - 1]!) refusals.broken(place, 'its borders do not rise');
  }
}

function checkCtr(model: CatboostModel, ctr: Ctr, place: string, refusals: Refusals): void {
  checkBorders(ctr, place, refusals);
  const { categorical, numeric, oneHot } = ctr.combination;
  if (
    !categorical.every((index) => has(model.categorical, index)) ||
    !oneHot.every(({ index }) => has(model.categorical, index)) ||
    !numeric.every(({ index, border }) => has(model.numeric, index) && Number.isFinite(border))
  ) {
    refusals.broken(place, 'is made of features that there are not');
  }
  const { priorNumerator, priorDenominator, shift, scale } = ctr;
  if (![priorNumerator, priorDenominator, shift, scale].every(Number.isFinite)) {
    refusals.broken(place, 'its prior, shift or scale is no finite number');
  }
  const table =
    model.tables.get(tableKey(ctr)) ??
    refusals.broken(place, 'its table is not in the file (save the model with its pool)');
  const { type, targetBorder } = ctr;
  const fits = {
    // Of two classes the second is always the good one.
    Borders: table.width >= 2 && (table.width === 2 || targetBorder < table.width - 1),
    Buckets: targetBorder < table.width,
    BinarizedTargetMeanValue: table.width === 2,
    FloatTargetMeanValue: table.width === 2,
    Counter: table.width === 1,
    FeatureFreq: table.width === 1,
  };
  if (!fits[type] || targetBorder < 0) refusals.broken(place, 'its table has another form than its type');
}

function checkTrees(model: CatboostModel, refusals: Refusals): void {
  const { trees, dimension, leaves } = model;
  const splits = listSplits(model).length;
  const own = trees.symmetric ? trees.splits : trees.split;
  if (own.some((split) => split < 0 || split >= splits))
    refusals.broken('trees', `a split is none of the ${splits}`);
  const count = trees.symmetric ? symmetricLeaves(trees, refusals) : reachedLeaves(trees, refusals);
  if ((trees.symmetric ? trees.sizes : trees.roots).length === 0) refusals.broken('trees', 'there are none');
  if (count * dimension !== leaves.length) {
    refusals.broken('leaf_values', `there are ${leaves.length} for ${count} leaves of ${dimension} numbers`);
  }
}

function symmetricLeaves({ sizes, splits }: Trees & { symmetric: true }, refusals: Refusals): number {
  let leaves = 0;
  let asked = 0;
  for (const [tree, size] of sizes.entries()) {
    if (size < 0 || size > 30) refusals.broken(`tree ${tree}`, `has depth ${size}`);
    leaves += 2 ** size;
    asked += size;
  }
  if (asked !== splits.length)
    refusals.broken('trees', `ask ${asked} splits, but ${splits.length} are listed`);
  return leaves;
}

/** Every node and leaf is reached from a root, and once. Takes no stack. */
function reachedLeaves(
  { roots, split, left, right }: Trees & { symmetric: false },
  refusals: Refusals,
): number {
  const nodes = new Uint8Array(split.length);
  const leaves = new Set<number>();
  const waiting = [...roots];
  while (waiting.length > 0) {
    const code = waiting.pop()!;
    if (code < 0 ? leaves.has(code) : nodes[code] !== 0)
      refusals.broken('trees', 'a node or leaf is reached twice');
    if (code < 0) leaves.add(code);
    else {
      nodes[code] = 1;
      waiting.push(left[code]!, right[code]!);
    }
  }
  if (nodes.includes(0)) refusals.broken('trees', 'a node is reached from no root');
  for (const code of leaves) if (~code >= leaves.size) refusals.broken('trees', `there is no leaf ${~code}`);
  return leaves.size;
}
