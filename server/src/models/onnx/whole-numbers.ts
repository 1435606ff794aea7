import { SlipwayError } from '../../errors.ts';
import type { Datatype } from '../../signature.ts';

/** What fits: a number that does not would come out as another one. */
const ranges: Partial<Record<Datatype, [least: number, most: number]>> = {
  INT32: [-(2 ** 31), 2 ** 31 - 1],
  INT16: [-(2 ** 15), 2 ** 15 - 1],
  INT8: [-128, 127],
  UINT32: [0, 2 ** 32 - 1],
  UINT16: [0, 2 ** 16 - 1],
  UINT8: [0, 255],
};

/**
 * A frame's number as an input's whole one of up to 32 bits, toward zero; a missing one is 0. Throws FEATURE_MISTYPED
 * for what its type does not hold.
 */
export function wholeNumber(value: number, datatype: Datatype, input: string): number {
  if (Number.isNaN(value)) return 0;
  const range = ranges[datatype];
  if (range && (value < range[0] || value > range[1]))
    throw new SlipwayError('FEATURE_MISTYPED', `input "${input}": ${value} does not fit ${datatype}`);
  return Math.trunc(value);
}
