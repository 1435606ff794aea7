import type { Feature } from '../signature.ts';
import type { Frame } from '../tensor.ts';
import type { Baseline } from './baseline.ts';

/** Labels of the training rows: classes by their text, or values. */
export interface ProfileLabels {
  task: 'classification' | 'regression';
  values: ArrayLike<string | number>;
}

/** The profile of training rows: one entry a feature, in the frame's column order. `promise` is left null: the scorer of the rows sets it. */
export function profile(_features: Feature[], _frame: Frame, _labels?: ProfileLabels): Baseline {
  throw new Error('in the making');
}
