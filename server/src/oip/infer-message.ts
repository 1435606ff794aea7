import { SlipwayError } from '../errors.ts';
import { type InferRequest, type OutputTensor, packed, refuseSharedMemory } from './infer.ts';
import { plainMessage } from './messages.ts';
import type { GivenTensor } from './tensors.ts';

/** 64-bit integers as protobufjs gives them. */
export interface Long {
  toNumber(): number;
  toString(): string;
}

export interface Parameter {
  /** Name of the field that is set. */
  parameter_choice?:
    | 'bool_param'
    | 'int64_param'
    | 'string_param'
    | 'double_param'
    | 'uint64_param'
    | 'bytes_param';
  bool_param?: boolean;
  int64_param?: Long | number;
  string_param?: string;
  double_param?: number;
  uint64_param?: Long | number;
  bytes_param?: Uint8Array;
}

export type Parameters = { [name: string]: Parameter | null };

/** InferInputTensor and InferOutputTensor. */
export interface TensorMessage {
  name: string;
  datatype: string;
  shape: (Long | number)[];
  parameters: Parameters;
  contents: { [field: string]: ArrayLike<unknown> } | null;
}

export interface ModelInferRequest {
  model_name: string;
  model_version: string;
  id: string;
  parameters: Parameters;
  inputs: TensorMessage[];
  outputs: { name: string; parameters: Parameters }[];
  raw_input_contents: Uint8Array[];
}

export interface ModelInferResponse {
  model_name: string;
  model_version: string;
  id: string;
  parameters: Parameters;
  outputs: { name: string; datatype: string; shape: number[] }[];
  raw_output_contents: Uint8Array[];
}

export const modelInferRequest = plainMessage<ModelInferRequest>('inference.ModelInferRequest');
export const modelInferResponse = plainMessage<ModelInferResponse>('inference.ModelInferResponse');
export interface ModelStreamInferResponse {
  error_message?: string;
  infer_response?: Partial<ModelInferResponse>;
}

export const modelStreamInferResponse = plainMessage<ModelStreamInferResponse>(
  'inference.ModelStreamInferResponse',
);

/** The field of InferTensorContents that holds a datatype; FP16 comes as raw bytes only. */
const contentFields = new Map([
  ['BOOL', 'bool_contents'],
  ['INT8', 'int_contents'],
  ['INT16', 'int_contents'],
  ['INT32', 'int_contents'],
  ['INT64', 'int64_contents'],
  ['UINT8', 'uint_contents'],
  ['UINT16', 'uint_contents'],
  ['UINT32', 'uint_contents'],
  ['UINT64', 'uint64_contents'],
  ['FP32', 'fp32_contents'],
  ['FP64', 'fp64_contents'],
  ['BYTES', 'bytes_contents'],
]);

/** Throws INVALID_REQUEST. */
export function readInferMessage(message: ModelInferRequest): InferRequest {
  const raw = message.raw_input_contents;
  if (raw.length > 0 && raw.length !== message.inputs.length) {
    throw new SlipwayError(
      'INVALID_REQUEST',
      `${raw.length} raw_input_contents came for ${message.inputs.length} inputs: one belongs to each.`,
    );
  }
  return {
    id: message.id,
    parameters: readParameters(message.parameters),
    inputs: message.inputs.map((input, i) => readTensor(input, raw[i] ?? null)),
    outputs:
      message.outputs.length === 0
        ? null
        : message.outputs.map(({ name, parameters }) => ({ name, parameters: readParameters(parameters) })),
  };
}

export function inferResponse(
  request: Pick<InferRequest, 'id'>,
  {
    model,
    version,
    outputs,
    ids,
  }: { model: string; version: number; outputs: OutputTensor[]; ids: string[] },
): ModelInferResponse {
  return {
    model_name: model,
    model_version: String(version),
    id: request.id,
    parameters: { slipway_ids: { string_param: ids.join() } },
    outputs: outputs.map(({ name, datatype, shape }) => ({ name, datatype, shape })),
    raw_output_contents: outputs.map(packed),
  };
}

/** Clients of Triton that know models with many answers a request look for it in each. */
const isFinal = { bool_param: true };

/** The same as the one answer of a stream's request. */
export function streamResponse(response: ModelInferResponse): ModelStreamInferResponse {
  response.parameters.triton_final_response = isFinal;
  return { infer_response: response };
}

export function readParameters(parameters: Parameters): { [name: string]: unknown } {
  const read: { [name: string]: unknown } = {};
  for (const name of Object.keys(parameters)) {
    // An entry of a map may come without its value.
    const parameter = parameters[name] ?? {};
    const value = parameter.parameter_choice && parameter[parameter.parameter_choice];
    read[name] = isLong(value) ? exact(value) : value;
  }
  return read;
}

/** Throws INVALID_REQUEST for one in shared memory. */
export function readTensor(
  { name, datatype, shape, parameters, contents }: TensorMessage,
  raw: Uint8Array | null,
): GivenTensor {
  refuseSharedMemory(name, readParameters(parameters));
  const field = contentFields.get(datatype);
  const values = raw ? null : ((field && contents?.[field]) ?? []);
  return {
    name,
    datatype,
    shape: shape.map(number),
    values:
      values && field?.endsWith('int64_contents') ? Array.from(values as (Long | number)[], exact) : values,
    raw,
  };
}

function number(value: Long | number): number {
  return isLong(value) ? value.toNumber() : value;
}

/** bigint where float64 does not hold it. */
function exact(value: Long | number): number | bigint {
  const near = number(value);
  return Number.isSafeInteger(near) ? near : BigInt(value.toString());
}

function isLong(value: unknown): value is Long {
  return typeof value === 'object' && value !== null && 'toNumber' in value;
}
