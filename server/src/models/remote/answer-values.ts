import { elements } from '../../oip/elements.ts';
import { decoded, type GivenTensor, unpackTexts } from '../../oip/tensors.ts';
import { shown } from '../../shown.ts';
import type { Datatype } from '../../signature.ts';
import { intoTexts } from '../../texts.ts';

/**
 * An output's values as answers hold them: labels are indices into `classes`, other text goes to `texts`, as do whole
 * numbers that no float64 holds. Throws what is not as its datatype says.
 */
export function answerValues(
  { name, shape, values, raw }: GivenTensor,
  datatype: Datatype,
  classes: ReadonlyMap<string, number>,
  texts: string[],
): ArrayLike<number> {
  if (datatype !== 'BYTES') {
    const element = elements[datatype];
    if (raw) return element.unpack(raw, texts);
    return Float64Array.from(values!, (value, i) => element.fromJson(value, texts) ?? wrong(value, i));
  }
  const count = shape.reduce((product, size) => product * size, 1);
  const given: ArrayLike<unknown> = raw ? unpackTexts(raw, count, name) : values!;
  return Float64Array.from(given, (value, i) => {
    const text = value instanceof Uint8Array ? decoded(value, name) : value;
    if (typeof text !== 'string') return wrong(text, i);
    return classes.get(text) ?? intoTexts(text, texts);
  });

  function wrong(value: unknown, i: number): never {
    throw new Error(`value ${i} of output "${name}" is ${shown(value)}, no ${datatype}.`);
  }
}
