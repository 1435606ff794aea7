import { Tensor } from 'onnxruntime-node';
import { SlipwayError } from '../../errors.ts';
import type { TensorSpec } from '../../signature.ts';
import type { Frame } from '../../tensor.ts';
import { runtimeTypes } from './element-types.ts';

const arrays = {
  FP32: Float32Array,
  INT32: Int32Array,
  INT16: Int16Array,
  INT8: Int8Array,
  UINT8: Uint8Array,
  UINT16: Uint16Array,
  UINT32: Uint32Array,
  BOOL: Uint8Array,
} as const;

/** What fits: a number that does not would come out as another one. */
const ranges: Partial<Record<TensorSpec['datatype'], [least: number, most: number]>> = {
  INT32: [-(2 ** 31), 2 ** 31 - 1],
  INT16: [-(2 ** 15), 2 ** 15 - 1],
  INT8: [-128, 127],
  UINT8: [0, 255],
  UINT16: [0, 2 ** 16 - 1],
  UINT32: [0, 2 ** 32 - 1],
};

/**
 * Rows [from, to) of a frame's columns as an input tensor of their own memory. Integers and booleans have no
 * NaN: 0. Throws FEATURE_MISTYPED for a number that its integer type does not hold; 64-bit ones are cut to
 * their range, because their extremes have no exact float64.
 */
export function inputTensor(spec: TensorSpec, frame: Frame, from: number, to: number): Tensor {
  const { name, datatype, width, column } = spec;
  const rows = to - from;
  const dims = [rows, ...spec.shape.slice(1)];
  const flat = new Float64Array(rows * width);
  for (let row = 0, i = 0; row < rows; row++) {
    const start = (from + row) * frame.width + column;
    for (let k = 0; k < width; k++, i++) flat[i] = frame.values[start + k]!;
  }
  if (datatype === 'FP64') return new Tensor('float64', flat, dims);
  if (datatype === 'BYTES')
    return new Tensor(
      'string',
      Array.from(flat, (value) => frame.texts[value] ?? ''),
      dims,
    );
  if (datatype === 'INT64')
    return new Tensor(
      'int64',
      BigInt64Array.from(flat, (value) => whole(value, -(2n ** 63n), 2n ** 63n - 1n)),
      dims,
    );
  if (datatype === 'UINT64')
    return new Tensor(
      'uint64',
      BigUint64Array.from(flat, (value) => whole(value, 0n, 2n ** 64n - 1n)),
      dims,
    );
  const range = ranges[datatype];
  const misfit = range && flat.find((value) => value < range[0] || value > range[1]);
  if (misfit !== undefined)
    throw new SlipwayError('FEATURE_MISTYPED', `input "${name}": ${misfit} does not fit ${datatype}`);
  const data = new arrays[datatype as keyof typeof arrays](flat);
  return new Tensor(runtimeTypes[datatype]!, data as Float32Array, dims);
}

function whole(value: number, least: bigint, most: bigint): bigint {
  if (Number.isNaN(value)) return 0n;
  if (value >= Number(most)) return most;
  return value <= Number(least) ? least : BigInt(Math.trunc(value));
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
  const { width, column } = spec;
  for (let i = 0, start = from * answerWidth + column; i < data.length; start += answerWidth) {
    for (let k = 0; k < width; k++, i++) {
      const value = data[i]!;
      answers[start + k] = typeof value === 'string' ? (classes?.indexOf(value) ?? -1) : Number(value);
    }
  }
}
