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
  if (raw && datatype !== 'BYTES') return elements[datatype].unpack(raw, texts);
  const count = shape.reduce((product, size) => product * size, 1);
  const given: ArrayLike<unknown> = raw ? unpackTexts(raw, count, name) : values!;
  const read = datatype === 'BYTES' ? textOf : elements[datatype].fromJson;
  const answers = new Float64Array(given.length);
  for (let i = 0; i < given.length; i++) answers[i] = read(given[i], texts) ?? wrong(given[i], i);
  return answers;

  function textOf(value: unknown): number | undefined {
    const text = value instanceof Uint8Array ? decoded(value, name) : value;
    return typeof text === 'string' ? (classes.get(text) ?? intoTexts(text, texts)) : undefined;
  }

  function wrong(value: unknown, i: number): never {
    throw new Error(`value ${i} of output "${name}" is ${shown(value)}, no ${datatype}.`);
  }
}
