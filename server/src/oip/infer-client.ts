import { SlipwayError } from '../errors.ts';
import { isObject } from '../json.ts';
import { isLong, type TensorSpec } from '../signature.ts';
import type { Frame } from '../tensor.ts';
import { isInTexts, textAt } from '../texts.ts';
import { readTensors } from './infer-json.ts';
import { packInput } from './input-bytes.ts';
import { sized } from './open-rows.ts';
import type { GivenTensor } from './tensors.ts';

/**
 * The caller's side of the Open Inference Protocol v2's inference over REST: request and response as JSON, with Triton's
 * binary data behind it.
 * https://github.com/open-inference/open-inference-protocol/blob/main/specification/protocol/inference_rest.md
 * https://github.com/triton-inference-server/server/blob/main/docs/protocol/extension_binary_data.md
 */

/**
 * A frame's rows as a request; `outputs`: which are wanted (null: all). A missing value is written as null, or as NaN
 * where tensors are `binary`, as all inputs and outputs then are. Throws FEATURE_MISTYPED for what cannot be written so.
 */
export function writeInferRequest(
  inputs: TensorSpec[],
  frame: Frame,
  outputs: string[] | null,
  binary: boolean,
): { json: string; binary: Uint8Array[] } {
  const tail: Uint8Array[] = [];
  const tensors = inputs.map((input) => {
    const { spec, frame: own } = sized(input, frame);
    const shape = [frame.rows, ...spec.shape.slice(1)];
    const head = `{"name":${JSON.stringify(spec.name)},"shape":[${shape}],"datatype":"${spec.datatype}",`;
    if (!binary) return `${head}"data":[${dataText(spec, own)}]}`;
    const bytes = packInput(spec, own);
    tail.push(bytes);
    return `${head}"parameters":{"binary_data_size":${bytes.length}}}`;
  });
  const parameters = binary ? ',"parameters":{"binary_data_output":true}' : '';
  const wanted = outputs ? `,"outputs":${JSON.stringify(outputs.map((name) => ({ name })))}` : '';
  return { json: `{"inputs":[${tensors}]${wanted}${parameters}}`, binary: tail };
}

/** `binary`: what came behind the JSON. Throws what is not as the protocol has it. */
export function readInferResponse(value: unknown, binary: Buffer): GivenTensor[] {
  if (!isObject(value) || !Array.isArray(value.outputs)) throw new Error('it has no "outputs".');
  return readTensors(value.outputs, 'output', binary);
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
