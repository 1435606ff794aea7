import { SlipwayError } from '../errors.ts';
import type { ModelHints } from './model.ts';

/** The classes as the user names them, or 0, 1, 2 …, as libraries number them. Throws INVALID_REQUEST if there are not `count`. */
export function namedClasses(count: number, hints: ModelHints): (string | number)[] {
  const classes = hints.classes ?? Array.from({ length: count }, (_, k) => k);
  if (classes.length === count) return classes;
  throw new SlipwayError(
    'INVALID_REQUEST',
    `The model has ${count} classes, but ${classes.length} were named.`,
    'Name one class a column of the answer, in the order of the training labels 0, 1, 2 …',
  );
}
