import { SlipwayError } from '../errors.ts';
import { catboost } from './catboost/catboost.ts';
import { lightgbm } from './forest/lightgbm.ts';
import { logistic } from './logistic/logistic.ts';
import type { Kind } from './model.ts';
import { onnx } from './onnx/onnx.ts';
import { python } from './python/python.ts';
import { remote } from './remote/remote.ts';
import { xgboost } from './xgboost/xgboost.ts';

/** Every kind of version there is: a line a kind. The order is the order in which files are recognised. */
export const kinds: readonly Kind[] = [xgboost, lightgbm, catboost, onnx, logistic, remote, python];

/** Why versions of this kind are not run here; null: they are. */
export function refusalOf(name: string): SlipwayError | null {
  return kindNamed(name).refusal?.() ?? null;
}

/** Throws INTERNAL for a name that is not on the list: names come from the registry, not from users. */
export function kindNamed(name: string): Kind {
  const kind = kinds.find((one) => one.name === name);
  if (!kind) throw new SlipwayError('INTERNAL', `There is no kind "${name}" in this Slipway.`);
  return kind;
}
