import { SlipwayError } from '../../errors.ts';
import { shown } from '../../shown.ts';

/**
 * Of Slipway's own JSON: a key or time under a name that nobody reads would be lost without a word, and the label with
 * it. Throws INVALID_REQUEST for a field that is not among them.
 */
export function refuseOthers(given: object, fields: ReadonlySet<string>, what: string): void {
  for (const name in given) {
    if (fields.has(name)) continue;
    throw new SlipwayError(
      'INVALID_REQUEST',
      `${what} has no field ${shown(name)}.`,
      `Its fields are ${[...fields].join(', ')}.`,
    );
  }
}
