import { Tensor } from 'onnxruntime-node';
import { SlipwayError } from '../../errors.ts';
import { fixedRows, writeOpenRow } from '../../oip/open-rows.ts';
import { isOpen, type TensorSpec } from '../../signature.ts';
import type { Frame } from '../../tensor.ts';
import { intoTexts, ofInteger, toInteger } from '../../texts.ts';
import { runtimeTypes } from './element-types.ts';
import { wholeNumber } from './whole-numbers.ts';

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

/**
 * Rows [from, to) of a frame's columns as an input tensor of their own memory. Integers and booleans have no
 * NaN: 0. Throws FEATURE_MISTYPED for a number that its integer type does not hold, 64-bit ones are cut to their
 * range; and for a text that onnxruntime-node would cut.
 */
export function inputTensor(spec: TensorSpec, frame: Frame, from: number, to: number): Tensor {
  if (isOpen(spec)) {
    const fixed = fixedRows(spec, frame, from, to);
    return inputTensor(fixed.spec, fixed.frame, 0, to - from);
  }
  const { name, datatype, width, column } = spec;
  const rows = to - from;
  const dims = [rows, ...spec.shape.slice(1)];
  const flat = columnsOf(frame, column, width, from, to);
  if (datatype === 'FP64') return new Tensor('float64', flat.slice(), dims);
  if (datatype === 'BYTES')
    return new Tensor(
      'string',
      Array.from(flat, (value) => uncut(frame.texts[value] ?? '', name)),
      dims,
    );
  if (datatype === 'FP16') return halfTensor(flat, dims);
  if (datatype === 'INT64')
    return new Tensor(
      'int64',
      BigInt64Array.from(flat, (value) =>
        within(toInteger(value, frame.texts), -(2n ** 63n), 2n ** 63n - 1n),
      ),
      dims,
    );
  if (datatype === 'UINT64')
    return new Tensor(
      'uint64',
      BigUint64Array.from(flat, (value) => within(toInteger(value, frame.texts), 0n, 2n ** 64n - 1n)),
      dims,
    );
  const whole = datatype === 'FP32' ? flat : flat.map((value) => wholeNumber(value, datatype, name));
  const data = new arrays[datatype as keyof typeof arrays](whole);
  return new Tensor(runtimeTypes[datatype]!, data as Float32Array, dims);
}

/** onnxruntime-node hands texts on as C does, which end at their first NUL: the model would answer another one. */
function uncut(text: string, name: string): string {
  if (!text.includes('\0')) return text;
  throw new SlipwayError(
    'FEATURE_MISTYPED',
    `Input "${name}" has a text with a NUL character in it, and onnxruntime reads texts up to their first.`,
    'Send it without.',
  );
}

/** Rows [from, to) of some columns, row-major: the frame's own where they are all that it has. */
function columnsOf(
  { values, width: all }: Frame,
  column: number,
  width: number,
  from: number,
  to: number,
): Float64Array {
  if (width === all) return values.subarray(from * width, to * width);
  const flat = new Float64Array((to - from) * width);
  for (let row = from, i = 0; row < to; row++) {
    const start = row * all + column;
    for (let k = 0; k < width; k++, i++) flat[i] = values[start + k]!;
  }
  return flat;
}

function within(value: bigint, least: bigint, most: bigint): bigint {
  return value < least ? least : value > most ? most : value;
}

/** The runtime's binding reads float16 from a Uint16Array only, which its Tensor turns into a Float16Array: it is put back. */
function halfTensor(values: Float64Array, dims: number[]): Tensor {
  const halves = new Float16Array(values);
  const tensor = new Tensor('float16', new Uint16Array(halves.buffer), dims);
  Object.defineProperty(tensor, 'data', { value: new Uint16Array(halves.buffer) });
  return tensor;
}

/** Copies an output tensor's values into rows [from, …) of the answers; labels become indices into `classes`, other text goes to `texts`. */
export function copyOutput(
  tensor: Tensor,
  spec: TensorSpec,
  classes: (string | number)[] | undefined,
  answers: Float64Array,
  texts: string[],
  answerWidth: number,
  from: number,
): void {
  const { data, dims } = tensor;
  const { width, column } = spec;
  if (isOpen(spec)) {
    const shape = dims.slice(1);
    const each = shape.reduce((product, size) => product * size, 1);
    for (let row = 0; row < dims[0]!; row++) {
      const own: string[] = [];
      const values = Array.from({ length: each }, (_, i) => numberOf(data[row * each + i]!, own));
      const text = writeOpenRow(spec.datatype, { shape, values, texts: own });
      answers[(from + row) * answerWidth + column] = intoTexts(text, texts);
    }
    return;
  }
  for (let i = 0, start = from * answerWidth + column; i < data.length; start += answerWidth) {
    for (let k = 0; k < width; k++, i++) {
      const value = data[i]!;
      answers[start + k] =
        typeof value === 'string' ? labelOrText(value, classes, texts) : numberOf(value, texts);
    }
  }
}

function numberOf(value: string | number | bigint | boolean, texts: string[]): number {
  if (typeof value === 'string') return intoTexts(value, texts);
  return typeof value === 'bigint' ? ofInteger(value, texts) : Number(value);
}

function labelOrText(value: string, classes: (string | number)[] = [], texts: string[]): number {
  const index = classes.indexOf(value);
  return index < 0 ? intoTexts(value, texts) : index;
}
