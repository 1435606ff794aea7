import { SlipwayError } from '../errors.ts';
import { isObject, parseJson } from '../json.ts';
import { shown } from '../shown.ts';
import type { TensorSpec } from '../signature.ts';
import { elements } from './elements.ts';
import {
  type InferRequest,
  type OutputTensor,
  packed,
  refuseSharedMemory,
  type WantedOutput,
} from './infer.ts';
import { withoutLists } from './number-lists.ts';
import { type GivenTensor, isSize, listed, mismatch, product } from './tensors.ts';

/**
 * The Open Inference Protocol v2's inference request and response as JSON, with Triton's binary data behind it.
 * https://github.com/open-inference/open-inference-protocol/blob/main/specification/protocol/inference_rest.md
 * https://github.com/triton-inference-server/server/blob/main/docs/protocol/extension_binary_data.md
 */

/** No tensor has more dimensions; JSON may be nested without end. */
const mostDimensions = 32;
/** So many numbers are written one by one in less time than it takes to make a list of them. */
const fewValues = 16;

/**
 * `jsonBytes`: how many of the bytes are JSON (header Inference-Header-Content-Length); null: all of them. `exact`:
 * whether whole numbers beyond 2^53 are to be kept.
 * Throws INVALID_JSON or INVALID_REQUEST.
 */
export function readInferRequest(body: Buffer, jsonBytes: number | null, exact: boolean): InferRequest {
  const end = jsonBytes ?? body.length;
  if (!Number.isSafeInteger(end) || end < 0 || end > body.length) {
    throw invalid(`Inference-Header-Content-Length is ${jsonBytes}, the whole body ${body.length} bytes.`);
  }
  const value = parseRequest(body.subarray(0, end), exact);
  if (!isObject(value)) throw invalid('The body is not a JSON object.');
  const { id, inputs, outputs, parameters } = value;
  // As with other fields that may be left out, some clients write null where they leave it out.
  if (id !== undefined && id !== null && typeof id !== 'string') throw invalid('"id" is not a string.');
  if (!Array.isArray(inputs) || inputs.length === 0) throw invalid('"inputs" is not a list of tensors.');
  return {
    id: id ?? '',
    parameters: readParameters(parameters, 'The request'),
    inputs: readTensors(inputs, 'input', body.subarray(end)),
    outputs: readOutputs(outputs),
  };
}

/**
 * Triton's raw binary request, a body of nothing but the bytes of a model's one input (Inference-Header-Content-Length
 * is 0): as many rows as they are, where a row's shape is known, else one; of BYTES one text. Its answer is binary, too.
 * Throws TENSOR_MISMATCH.
 */
export function rawInferRequest(body: Buffer, inputs: TensorSpec[]): InferRequest {
  const [spec, another] = inputs;
  if (!spec || another)
    throw mismatch(
      `Bytes alone are for a model of one input; this one has ${inputs.length}: ${listed(inputs)}.`,
    );
  const { name, datatype } = spec;
  const isText = datatype === 'BYTES';
  const given = isText
    ? { shape: spec.shape.map(() => 1), values: [body], raw: null }
    : { shape: rawShape(spec, body.length / elements[datatype].bytes), values: null, raw: body };
  return {
    id: '',
    parameters: { binary_data_output: true },
    inputs: [{ name, datatype, ...given }],
    outputs: null,
  };
}

function rawShape(spec: TensorSpec, values: number): number[] {
  const known = product(spec.shape.filter((size) => size > 0));
  const row = spec.shape.slice(1);
  const open = row.filter((size) => size < 0).length;
  const rest = values / known;
  if (open > 1 || !Number.isInteger(rest))
    throw mismatch(`The shape of ${listed([spec])} cannot be told from ${values} values.`);
  return open === 0 ? [rest, ...row] : [1, ...row.map((size) => (size < 0 ? rest : size))];
}

/**
 * A request's JSON value, in which long "data" of an input, flat or by rows, may be a Float64Array, which is good until
 * the next request is read. Throws INVALID_JSON.
 */
export function parseRequest(json: Buffer, exact: boolean): unknown {
  const without = exact ? null : withoutLists(json);
  if (without) {
    try {
      const value = JSON.parse(without.text);
      if (putBack(value, without.lists)) return value;
    } catch {
      // It is said of the whole text what is wrong with it.
    }
  }
  return parseJson(json, exact);
}

/** Puts lists where inputs have theirs; whether all have been one's. */
function putBack(request: unknown, lists: ReadonlyMap<string, Float64Array>): boolean {
  if (!isObject(request) || !Array.isArray(request.inputs)) return false;
  let count = 0;
  for (const input of request.inputs) {
    const list = isObject(input) && typeof input.data === 'string' ? lists.get(input.data) : undefined;
    if (list === undefined) continue;
    input.data = list;
    count++;
  }
  return count === lists.size;
}

/** The response's JSON, and the binary data behind it where any was asked for. `ids`: the rows' prediction ids. */
export function writeInferResponse(
  model: string,
  version: number,
  request: Pick<InferRequest, 'id' | 'parameters' | 'outputs'>,
  outputs: OutputTensor[],
  ids: string[],
): { json: string; binary: Uint8Array[] } {
  const binary: Uint8Array[] = [];
  const all = request.parameters.binary_data_output === true;
  let json = `{"model_name":${JSON.stringify(model)},"model_version":"${version}"`;
  if (request.id !== '') json += `,"id":${JSON.stringify(request.id)}`;
  json += `,"parameters":{"slipway_ids":["${ids.join('","')}"]},"outputs":[`;
  for (const [i, output] of outputs.entries()) {
    const { name, datatype, shape } = output;
    json += `${i === 0 ? '' : ','}{"name":${JSON.stringify(name)},"datatype":"${datatype}","shape":[${shape}]`;
    if ((request.outputs?.[i]?.parameters.binary_data ?? all) === true) {
      const bytes = packed(output);
      binary.push(bytes);
      json += `,"parameters":{"binary_data_size":${bytes.length}}}`;
    } else json += `,"data":[${dataText(output)}]}`;
  }
  return { json: `${json}]}`, binary };
}

/** A request's inputs or a response's outputs, and the binary data behind its JSON. Throws INVALID_REQUEST. */
export function readTensors(tensors: unknown[], what: 'input' | 'output', binary: Buffer): GivenTensor[] {
  const tail = { bytes: binary, used: 0 };
  const read = tensors.map((tensor) => readTensor(tensor, what, tail));
  if (tail.used !== binary.length) {
    throw invalid(
      `${binary.length} bytes of binary data came, ${tail.used} are named by "binary_data_size".`,
    );
  }
  return read;
}

function readTensor(
  value: unknown,
  what: 'input' | 'output',
  tail: { bytes: Buffer; used: number },
): GivenTensor {
  if (!isObject(value)) throw invalid(`An ${what} is not an object.`);
  const { name, shape, datatype, data, parameters } = value;
  if (typeof name !== 'string') throw invalid(`An ${what} has no "name".`);
  const isShape =
    Array.isArray(shape) && shape.length > 0 && shape.length <= mostDimensions && shape.every(isSize);
  if (!isShape) throw invalid(`The "shape" of ${what} ${shown(name)} is not a list of whole numbers.`);
  if (typeof datatype !== 'string') throw invalid(`The ${what} ${shown(name)} has no "datatype".`);
  const given = readParameters(parameters, `The ${what} ${shown(name)}`);
  refuseSharedMemory(name, given);
  const size = given.binary_data_size;
  if (size === undefined) {
    if (data instanceof Float64Array) return { name, datatype, shape, values: data, raw: null };
    if (!Array.isArray(data)) throw invalid(`The ${what} ${shown(name)} has no "data".`);
    // Data may be flat or nested by its shape; the protocol allows both.
    return {
      name,
      datatype,
      shape,
      values: Array.isArray(data[0]) ? data.flat(shape.length) : data,
      raw: null,
    };
  }
  if (
    !Number.isSafeInteger(size) ||
    (size as number) < 0 ||
    (size as number) > tail.bytes.length - tail.used
  ) {
    throw invalid(
      `"binary_data_size" of ${what} ${shown(name)} is ${shown(size)}; ${tail.bytes.length - tail.used} bytes are left behind the JSON.`,
    );
  }
  const raw = tail.bytes.subarray(tail.used, tail.used + (size as number));
  tail.used += raw.length;
  return { name, datatype, shape, values: null, raw };
}

function readOutputs(outputs: unknown): WantedOutput[] | null {
  if (outputs === undefined || outputs === null) return null;
  if (!Array.isArray(outputs)) throw invalid('"outputs" is not a list.');
  if (outputs.length === 0) return null;
  return outputs.map((output) => {
    if (!isObject(output) || typeof output.name !== 'string') throw invalid('An output has no "name".');
    return {
      name: output.name,
      parameters: readParameters(output.parameters, `Output ${shown(output.name)}`),
    };
  });
}

/** Throws INVALID_REQUEST. `whose`: "The request". */
export function readParameters(value: unknown, whose: string): { [name: string]: unknown } {
  if (value === undefined || value === null) return {};
  if (!isObject(value)) throw invalid(`${whose} has "parameters" that are no object.`);
  return value;
}

function dataText({ datatype, values }: OutputTensor): string {
  if (datatype === 'BYTES') return (values as string[]).map((text) => JSON.stringify(text)).join();
  // JSON has no NaN and no infinities: null, as JSON.stringify has it, which makes one piece of many numbers.
  if (values instanceof Float64Array && values.length > fewValues && datatype !== 'BOOL')
    return JSON.stringify(listOf(values)).slice(1, -1);
  let text = '';
  for (let i = 0; i < values.length; i++) {
    const value = values[i] as number | bigint;
    const shown =
      datatype === 'BOOL' ? value !== 0 : typeof value === 'bigint' || Number.isFinite(value) ? value : null;
    text += i === 0 ? shown : `,${shown}`;
  }
  return text;
}

/** As Array.from, which takes values by an iterator, makes it, in a fraction of the time. */
function listOf(values: Float64Array): number[] {
  const list = new Array<number>(values.length);
  for (let i = 0; i < values.length; i++) list[i] = values[i]!;
  return list;
}

function invalid(message: string): SlipwayError {
  return new SlipwayError('INVALID_REQUEST', message);
}
