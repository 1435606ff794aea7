import { SlipwayError } from '../errors.ts';
import { isObject } from '../json.ts';
import { shown } from '../shown.ts';
import { isLong, type TensorSpec } from '../signature.ts';
import type { Frame } from '../tensor.ts';
import { isInTexts, textAt } from '../texts.ts';

/**
 * The caller's side of the Open Inference Protocol v2's inference over REST: request and response as JSON.
 * https://github.com/open-inference/open-inference-protocol/blob/main/specification/protocol/inference_rest.md
 */

/** An output as it came; `values` is flat, row-major, and not looked at yet. */
export interface GivenOutput {
  name: string;
  datatype: string;
  shape: number[];
  values: unknown[];
}

const mostDimensions = 32;

/**
 * A frame's rows as a request; `outputs`: which are wanted (null: all). A missing value is written as null. Throws
 * FEATURE_MISTYPED for a number that JSON cannot hold.
 */
export function writeInferRequest(inputs: TensorSpec[], frame: Frame, outputs: string[] | null): string {
  let json = '{"inputs":[';
  for (const [i, spec] of inputs.entries()) {
    const shape = [frame.rows, ...spec.shape.slice(1)];
    json += `${i === 0 ? '' : ','}{"name":${JSON.stringify(spec.name)},"shape":[${shape}],"datatype":"${spec.datatype}","data":[`;
    json += `${dataText(spec, frame)}]}`;
  }
  const wanted = outputs?.map((name) => ({ name }));
  return `${json}]${wanted ? `,"outputs":${JSON.stringify(wanted)}` : ''}}`;
}

/** Throws an Error that says what is not as the protocol has it. */
export function readInferResponse(value: unknown): GivenOutput[] {
  if (!isObject(value) || !Array.isArray(value.outputs)) throw new Error('it has no "outputs".');
  return value.outputs.map((output) => {
    if (!isObject(output) || typeof output.name !== 'string') throw new Error('an output has no "name".');
    const { name, datatype, shape, data } = output;
    const isShape =
      Array.isArray(shape) &&
      shape.length > 0 &&
      shape.length <= mostDimensions &&
      shape.every((size) => Number.isSafeInteger(size) && size >= 0);
    if (!isShape || typeof datatype !== 'string' || !Array.isArray(data))
      throw new Error(`output ${shown(name)} has no "shape", "datatype" or "data".`);
    // Data may be flat or nested by its shape; the protocol allows both.
    return { name, datatype, shape, values: Array.isArray(data[0]) ? data.flat(shape.length) : data };
  });
}

function dataText(
  { datatype, column, width, name }: TensorSpec,
  { rows, width: columns, values, texts }: Frame,
): string {
  let text = '';
  for (let row = 0; row < rows; row++) {
    const from = row * columns + column;
    for (let k = 0; k < width; k++) {
      const value = values[from + k]!;
      text += `${row + k === 0 ? '' : ','}${Number.isNaN(value) ? 'null' : valueText(value)}`;
    }
  }
  return text;

  function valueText(value: number): string {
    if (datatype === 'BYTES') return JSON.stringify(texts[value] ?? '');
    if (datatype === 'BOOL') return value === 0 ? 'false' : 'true';
    if (isLong(datatype) && isInTexts(value)) return textAt(value, texts);
    if (Number.isFinite(value)) return String(value);
    throw new SlipwayError('FEATURE_MISTYPED', `Input "${name}" holds ${value}, which JSON cannot say.`);
  }
}
