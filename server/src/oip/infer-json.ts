import { SlipwayError } from '../errors.ts';
import { shown } from '../shown.ts';
import { answerWidth, type Datatype, type Signature, type TensorSpec } from '../signature.ts';
import { type Frame, newFrame } from '../tensor.ts';

/**
 * The Open Inference Protocol v2's JSON inference request and response, as a frame and back.
 * https://github.com/open-inference/open-inference-protocol/blob/main/specification/protocol/inference_rest.md
 */

export interface InferRequest {
  id: string | null;
  parameters: { [name: string]: unknown };
  frame: Frame;
  /** Names of the outputs wanted; null: all. */
  outputs: string[] | null;
}

interface Tensor {
  name: string;
  shape: number[];
  datatype: string;
  data: unknown[];
}

/** Throws INVALID_REQUEST or TENSOR_MISMATCH, naming the tensor and what was expected. */
export function readInferRequest(body: unknown, signature: Signature): InferRequest {
  if (!isObject(body)) throw invalid('The body is not a JSON object.');
  const { id, inputs, outputs, parameters } = body;
  if (id !== undefined && typeof id !== 'string') throw invalid('"id" is not a string.');
  if (parameters !== undefined && !isObject(parameters)) throw invalid('"parameters" is not an object.');
  if (!Array.isArray(inputs)) throw invalid('"inputs" is not a list of tensors.');
  const tensors = inputs.map(readTensor);
  for (const tensor of tensors) {
    if (!signature.inputs.some((spec) => spec.name === tensor.name)) {
      throw mismatch(`There is no input ${shown(tensor.name)}; the inputs are ${listed(signature.inputs)}.`);
    }
  }
  const rows = tensors[0]?.shape[0] ?? 0;
  const columns = signature.inputs.map((spec) => {
    const given = tensors.filter((tensor) => tensor.name === spec.name);
    if (given.length !== 1) {
      throw mismatch(
        given.length === 0 ? `Input "${spec.name}" is missing.` : `Input "${spec.name}" is given twice.`,
      );
    }
    return { spec, flat: flatData(given[0]!, spec, rows) };
  });
  if (rows === 0) throw new SlipwayError('ROWS_EMPTY', 'The tensors hold no rows.');
  // Only now are the rows known to be there: a shape alone may claim any number of them.
  const frame = newFrame(rows, signature.features.length);
  for (const { spec, flat } of columns) fill(frame, flat, spec);
  return {
    id: id ?? null,
    parameters: (parameters as InferRequest['parameters']) ?? {},
    frame,
    outputs: readOutputs(outputs, signature),
  };
}

function readTensor(value: unknown): Tensor {
  if (!isObject(value)) throw invalid('An input is not an object.');
  const { name, shape, datatype, data } = value;
  if (typeof name !== 'string') throw invalid('An input has no "name".');
  if (!Array.isArray(shape) || shape.length === 0 || !shape.every((d) => Number.isSafeInteger(d) && d >= 0)) {
    throw invalid(`The "shape" of input ${shown(name)} is not a list of whole numbers.`);
  }
  if (typeof datatype !== 'string') throw invalid(`Input ${shown(name)} has no "datatype".`);
  if (!Array.isArray(data)) throw invalid(`Input ${shown(name)} has no "data".`);
  return { name, shape, datatype, data };
}

/** The tensor's values, as many as its shape says. Throws TENSOR_MISMATCH. */
function flatData(tensor: Tensor, spec: TensorSpec, rows: number): unknown[] {
  if (tensor.datatype !== spec.datatype) {
    throw mismatch(
      `Input "${spec.name}" is ${tensor.datatype.slice(0, 20)}; this model takes ${spec.datatype}.`,
    );
  }
  const fits =
    tensor.shape.length === spec.shape.length &&
    tensor.shape[0] === rows &&
    spec.shape.every((size, i) => i === 0 || size === tensor.shape[i]);
  if (!fits) {
    throw mismatch(
      `Input "${spec.name}" has shape [${tensor.shape.slice(0, 10)}]; this model takes [${spec.shape}], with -1 rows alike in all inputs.`,
    );
  }
  // Data may be flat or nested by its shape; the protocol allows both.
  const flat: unknown[] = Array.isArray(tensor.data[0]) ? tensor.data.flat(tensor.shape.length) : tensor.data;
  if (flat.length !== rows * spec.width) {
    throw mismatch(`Input "${spec.name}" holds ${flat.length} values; its shape says ${rows * spec.width}.`);
  }
  return flat;
}

function fill(frame: Frame, flat: unknown[], spec: TensorSpec): void {
  const read = readers[spec.datatype];
  for (let i = 0; i < flat.length; i++) {
    const value = read(flat[i], frame.texts);
    if (value === undefined) {
      throw mismatch(`Value ${i} of input "${spec.name}" is not ${spec.datatype}: ${shown(flat[i])}.`);
    }
    const row = Math.floor(i / spec.width);
    frame.values[row * frame.width + spec.column + (i % spec.width)] = value;
  }
}

type Reader = (value: unknown, texts: string[]) => number | undefined;

const readFloat: Reader = (value) =>
  // JSON has no NaN: null stands for a missing value.
  typeof value === 'number' ? value : value === null ? Number.NaN : undefined;
const readFloat32: Reader = (value) =>
  typeof value === 'number' ? Math.fround(value) : value === null ? Number.NaN : undefined;
const integerBetween =
  (low: number, high: number): Reader =>
  (value) =>
    Number.isInteger(value) && (value as number) >= low && (value as number) <= high
      ? (value as number)
      : undefined;

const readers: Record<Datatype, Reader> = {
  BOOL: (value) => (value === true || value === 1 ? 1 : value === false || value === 0 ? 0 : undefined),
  UINT8: integerBetween(0, 255),
  UINT16: integerBetween(0, 65535),
  UINT32: integerBetween(0, 2 ** 32 - 1),
  UINT64: integerBetween(0, 2 ** 64),
  INT8: integerBetween(-128, 127),
  INT16: integerBetween(-32768, 32767),
  INT32: integerBetween(-(2 ** 31), 2 ** 31 - 1),
  INT64: integerBetween(-(2 ** 63), 2 ** 63),
  FP16: readFloat32,
  FP32: readFloat32,
  FP64: readFloat,
  BYTES: (value, texts) => (typeof value === 'string' ? texts.push(value) - 1 : undefined),
};

function readOutputs(outputs: unknown, signature: Signature): string[] | null {
  if (outputs === undefined) return null;
  if (!Array.isArray(outputs)) throw invalid('"outputs" is not a list.');
  const names = outputs.map((output) => {
    const name = isObject(output) ? output.name : undefined;
    if (typeof name !== 'string') throw invalid('An output has no "name".');
    if (!signature.outputs.some((spec) => spec.name === name)) {
      throw mismatch(`There is no output ${shown(name)}; the outputs are ${listed(signature.outputs)}.`);
    }
    return name;
  });
  return names.length === 0 ? null : names;
}

/** The response's text. `ids`: the rows' prediction ids, in parameter `slipway_ids`. */
export function writeInferResponse(
  model: string,
  version: number,
  request: { id: string | null; outputs: string[] | null },
  signature: Signature,
  answers: Float64Array,
  rows: number,
  ids: string[],
): string {
  const width = answerWidth(signature);
  const outputs = signature.outputs
    .filter((spec) => request.outputs === null || request.outputs.includes(spec.name))
    .map((spec) => {
      const data: (number | string | boolean | null)[] = [];
      for (let row = 0; row < rows; row++) {
        for (let i = 0; i < spec.width; i++) {
          data.push(outputValue(spec.datatype, answers[row * width + spec.column + i]!, signature));
        }
      }
      return { name: spec.name, datatype: spec.datatype, shape: [rows, ...spec.shape.slice(1)], data };
    });
  return JSON.stringify({
    model_name: model,
    model_version: String(version),
    ...(request.id === null ? {} : { id: request.id }),
    parameters: { slipway_ids: ids },
    outputs,
  });
}

function outputValue(
  datatype: Datatype,
  value: number,
  signature: Signature,
): number | string | boolean | null {
  if (datatype === 'BYTES') return String(signature.classes?.[value] ?? value);
  if (datatype === 'BOOL') return value !== 0;
  return Number.isFinite(value) ? value : null;
}

function listed(specs: TensorSpec[]): string {
  return specs.map((spec) => `"${spec.name}" (${spec.datatype} [${spec.shape}])`).join(', ');
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function invalid(message: string): SlipwayError {
  return new SlipwayError('INVALID_REQUEST', message);
}

function mismatch(message: string): SlipwayError {
  return new SlipwayError('TENSOR_MISMATCH', message);
}
