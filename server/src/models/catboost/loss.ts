import type { Task } from '../../signature.ts';
import type { CatboostModel } from './catboost-model.ts';
import type { Refusals } from './refusals.ts';

/** From sums to answers, as `predict` of CatBoost's estimators does it for the loss that the model was trained with. */
export interface Loss {
  task: Task;
  /** `uncertainty`: the mean, and the variance as half its logarithm. */
  link: (typeof linkKinds)[number];
  /** Sums a row: one, one a class (at least 2), two, or as many as there are targets. */
  sums: 'one' | 'classes' | 'two' | 'any';
}

/** In this order in programs: append only. */
export const linkKinds = ['raw', 'sigmoid', 'sigmoids', 'softmax', 'exp', 'uncertainty'] as const;

const raw = { task: 'regression', link: 'raw', sums: 'one' } as const;
const several = { task: 'regression', link: 'raw', sums: 'any' } as const;
const exponent = { task: 'regression', link: 'exp', sums: 'one' } as const;
const probability = { task: 'binary', link: 'sigmoid', sums: 'one' } as const;
const rank = { task: 'ranking', link: 'raw', sums: 'one' } as const;

const losses: ReadonlyMap<string, Loss> = new Map<string, Loss>([
  ['RMSE', raw],
  ['MAE', raw],
  ['Quantile', raw],
  ['LogLinQuantile', raw],
  ['MAPE', raw],
  ['Huber', raw],
  ['Lq', raw],
  ['Expectile', raw],
  ['LogCosh', raw],
  ['RMSPE', raw],
  ['Cox', raw],
  ['SurvivalAft', raw],
  ['Poisson', exponent],
  ['Tweedie', exponent],
  ['RMSEWithUncertainty', { task: 'regression', link: 'uncertainty', sums: 'two' }],
  ['MultiRMSE', several],
  ['MultiRMSEWithMissingValues', several],
  ['MultiQuantile', several],
  ['Logloss', probability],
  ['CrossEntropy', probability],
  ['Focal', probability],
  ['MultiClass', { task: 'multiclass', link: 'softmax', sums: 'classes' }],
  ['MultiClassOneVsAll', { task: 'multiclass', link: 'sigmoids', sums: 'classes' }],
  ['YetiRank', rank],
  ['YetiRankPairwise', rank],
  ['LambdaMart', rank],
  ['StochasticRank', rank],
  ['QueryRMSE', rank],
  ['QuerySoftMax', rank],
  ['PairLogit', rank],
  ['PairLogitPairwise', rank],
]);

/** Never guessed: throws FILE_UNSUPPORTED for an unknown loss, FILE_BROKEN where the sums do not go with it. */
export function lossOf({ info, dimension }: CatboostModel, refusals: Refusals): Loss {
  const hint = `Slipway knows the answers of ${[...losses.keys()].join(', ')}.`;
  if (info.loss === null) {
    return refusals.unsupported('model_info', 'it does not say what loss the model was trained with', hint);
  }
  const loss = losses.get(info.loss);
  if (loss === undefined) {
    return refusals.unsupported('loss_function', `“${info.loss.slice(0, 40)}” is unknown`, hint);
  }
  const fits = { one: dimension === 1, classes: dimension >= 2, two: dimension === 2, any: true };
  if (!fits[loss.sums])
    refusals.broken('loss_function', `${info.loss} does not go with ${dimension} sums a row`);
  return loss;
}
