import { Tensor } from 'onnxruntime-node';
import type { TensorSpec } from '../../signature.ts';
import type { Frame } from '../../tensor.ts';
import { runtimeTypes } from './element-types.ts';

const arrays = {
  FP32: Float32Array,
  FP64: Float64Array,
  INT32: Int32Array,
  INT16: Int16Array,
  INT8: Int8Array,
  UINT8: Uint8Array,
  UINT16: Uint16Array,
  UINT32: Uint32Array,
  BOOL: Uint8Array,
} as const;

/** Rows [from, to) of a frame's columns as an input tensor of their own memory. */
export function inputTensor(spec: TensorSpec, frame: Frame, from: number, to: number): Tensor {
  const rows = to - from;
  const size = rows * spec.width;
  const dims = [rows, ...spec.shape.slice(1)];
  const at = (i: number): number =>
    frame.values[(from + Math.floor(i / spec.width)) * frame.width + spec.column + (i % spec.width)]!;
  if (spec.datatype === 'BYTES') {
    return new Tensor(
      'string',
      Array.from({ length: size }, (_, i) => frame.texts[at(i)] ?? ''),
      dims,
    );
  }
  if (spec.datatype === 'INT64') {
    return new Tensor(
      'int64',
      BigInt64Array.from({ length: size }, (_, i) => toBigInt(at(i))),
      dims,
    );
  }
  const data = new arrays[spec.datatype as keyof typeof arrays](size);
  for (let i = 0; i < size; i++) data[i] = at(i);
  return new Tensor(runtimeTypes[spec.datatype]!, data as Float32Array, dims);
}

/** Missing values have no integer: 0. */
function toBigInt(value: number): bigint {
  return Number.isFinite(value) ? BigInt(Math.trunc(value)) : 0n;
}

/** Copies an output tensor's values into rows [from, …) of the answers; labels become indices into `classes`. */
export function copyOutput(
  tensor: Tensor,
  spec: TensorSpec,
  classes: (string | number)[] | undefined,
  answers: Float64Array,
  answerWidth: number,
  from: number,
): void {
  const { data } = tensor;
  for (let i = 0; i < data.length; i++) {
    const value = data[i]!;
    const number = typeof value === 'string' ? (classes?.indexOf(value) ?? -1) : Number(value);
    answers[(from + Math.floor(i / spec.width)) * answerWidth + spec.column + (i % spec.width)] = number;
  }
}
