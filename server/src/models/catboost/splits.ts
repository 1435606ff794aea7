import type { CatboostModel } from './catboost-model.ts';

/** "The value is above the border", or "the category's hash is the value". `index` as in the feature; of a CTR: its place. */
export type Split =
  | { kind: 'numeric' | 'ctr'; index: number; border: number }
  | { kind: 'oneHot'; index: number; value: number };

/** All splits in the order in which trees name them. */
export function listSplits({
  numeric,
  oneHot,
  ctrs,
}: Pick<CatboostModel, 'numeric' | 'oneHot' | 'ctrs'>): Split[] {
  return [
    ...numeric.flatMap(({ index, borders }) =>
      Array.from(borders, (border): Split => ({ kind: 'numeric', index, border })),
    ),
    ...oneHot.flatMap(({ index, values }) =>
      Array.from(values, (value): Split => ({ kind: 'oneHot', index, value })),
    ),
    ...ctrs.flatMap(({ borders }, index) =>
      Array.from(borders, (border): Split => ({ kind: 'ctr', index, border })),
    ),
  ];
}
