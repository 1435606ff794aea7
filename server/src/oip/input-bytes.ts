import { SlipwayError } from '../errors.ts';
import { isLong, type TensorSpec } from '../signature.ts';
import type { Frame } from '../tensor.ts';
import { isInTexts, toInteger } from '../texts.ts';
import { elements } from './elements.ts';
import { type OutputTensor, packed } from './infer.ts';

/**
 * All rows of an input, not an open one, as the protocol packs them. A missing number is NaN. Throws FEATURE_MISTYPED
 * for what its datatype does not hold: a missing integer, a number out of range.
 */
export function packInput(spec: TensorSpec, { rows, width: columns, values, texts }: Frame): Uint8Array {
  const { name, datatype, column, width } = spec;
  const flat = new Float64Array(rows * width);
  for (let row = 0, i = 0; row < rows; row++) {
    const from = row * columns + column;
    for (let k = 0; k < width; k++, i++) flat[i] = values[from + k]!;
  }
  const pack = (values: OutputTensor['values']) => packed({ name, datatype, shape: [], values });
  if (datatype === 'BYTES') return pack(Array.from(flat, (value) => texts[value] ?? ''));
  if (datatype.startsWith('FP')) return pack(flat);
  for (const value of flat) {
    const isHeld =
      isLong(datatype) && isInTexts(value) ? true : elements[datatype].fromJson(value, []) !== undefined;
    if (!isHeld)
      throw new SlipwayError(
        'FEATURE_MISTYPED',
        `Input "${name}" holds ${Number.isNaN(value) ? 'a missing value' : value}, which ${datatype} does not.`,
      );
  }
  if (!isLong(datatype) || !flat.some(isInTexts)) return pack(flat);
  const integers = Array.from(flat, (value) => toInteger(value, texts));
  return pack(datatype === 'INT64' ? BigInt64Array.from(integers) : BigUint64Array.from(integers));
}
