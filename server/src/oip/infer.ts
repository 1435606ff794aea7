import { SlipwayError } from '../errors.ts';
import { shown } from '../shown.ts';
import {
  answerWidth,
  type Datatype,
  isLong,
  isOpen,
  type Signature,
  type TensorSpec,
  textOf,
} from '../signature.ts';
import { isInTexts, nearest, toInteger } from '../texts.ts';
import { bytesOf, elements } from './elements.ts';
import { openRows } from './open-rows.ts';
import { type GivenTensor, listed, mismatch } from './tensors.ts';

/**
 * An inference request and its answer, whatever protocol they came by: the Open Inference Protocol v2 with
 * Triton's binary data, classification and parameters extensions.
 */
export interface InferRequest {
  /** '' where there is none. */
  id: string;
  parameters: { [name: string]: unknown };
  inputs: GivenTensor[];
  /** What is wanted, in this order; null: every output. */
  outputs: WantedOutput[] | null;
}

export interface WantedOutput {
  name: string;
  parameters: { [name: string]: unknown };
}

export interface OutputTensor {
  name: string;
  datatype: Datatype;
  shape: number[];
  /** Row-major. Text for BYTES; bigint where 64-bit integers are beyond what float64 holds. */
  values: Float64Array | BigInt64Array | BigUint64Array | string[];
}

/** The outputs that were asked for. Throws TENSOR_MISMATCH for one that there is not. */
export function outputsOf(
  { outputs }: Pick<InferRequest, 'outputs'>,
  signature: Signature,
  answers: Float64Array,
  texts: string[],
  rows: number,
): OutputTensor[] {
  const wanted: WantedOutput[] = outputs ?? signature.outputs.map(({ name }) => ({ name, parameters: {} }));
  return wanted.map(({ name, parameters }) => {
    const spec = signature.outputs.find((one) => one.name === name)!;
    const classes = parameters.classification;
    return classes === undefined
      ? output(spec, signature, answers, texts, rows)
      : classification(spec, signature, answers, texts, rows, Number(classes));
  });
}

/** Outputs that a request wants, the same ones again included, unless the model has more. */
const mostWanted = 32;

/** Throws before anything is answered: TENSOR_MISMATCH for an unknown output, INVALID_REQUEST for what cannot be done. */
export function checkOutputs({ outputs }: Pick<InferRequest, 'outputs'>, signature: Signature): void {
  if (outputs && outputs.length > Math.max(mostWanted, signature.outputs.length)) {
    throw mismatch(
      `${outputs.length} outputs are wanted, of ${signature.outputs.length}: up to ${mostWanted} may be.`,
    );
  }
  for (const { name, parameters } of outputs ?? []) {
    const spec = signature.outputs.find((one) => one.name === name);
    if (!spec) {
      throw mismatch(`There is no output ${shown(name)}; the outputs are ${listed(signature.outputs)}.`);
    }
    refuseSharedMemory(name, parameters);
    const classes = parameters.classification;
    if (classes === undefined) continue;
    if (
      !Number.isInteger(Number(classes)) ||
      Number(classes) < 1 ||
      spec.datatype === 'BYTES' ||
      isOpen(spec)
    ) {
      throw new SlipwayError(
        'INVALID_REQUEST',
        `"classification" of output ${shown(name)} is not a count of classes of a tensor of numbers.`,
      );
    }
  }
}

/** Memory that a caller shares lies on the caller's machine, and is not the lanes' to read. */
export function refuseSharedMemory(tensor: string, parameters: { [name: string]: unknown }): void {
  if (parameters.shared_memory_region === undefined) return;
  throw new SlipwayError(
    'INVALID_REQUEST',
    `Tensor ${shown(tensor)} lies in shared memory, which Slipway does not read.`,
    'Send its data in the request.',
  );
}

function output(
  spec: TensorSpec,
  signature: Signature,
  answers: Float64Array,
  texts: string[],
  rows: number,
): OutputTensor {
  const { column, width } = spec;
  const from = answerWidth(signature);
  const values = new Float64Array(rows * width);
  for (let row = 0, i = 0; row < rows; row++) {
    for (let k = 0; k < width; k++, i++) values[i] = answers[row * from + column + k]!;
  }
  if (!isOpen(spec)) return tensorOf(spec, signature, rows, values, texts);
  const own = openRows(spec, values, texts);
  return tensorOf({ ...spec, shape: [-1, ...own.shape] }, signature, rows, own.values, own.texts);
}

function tensorOf(
  { name, datatype, shape: [, ...inner] }: TensorSpec,
  signature: Signature,
  rows: number,
  values: Float64Array,
  texts: string[],
): OutputTensor {
  const shape = [rows, ...inner];
  if (datatype === 'BYTES') {
    const text = (value: number) => textOf(value, signature, texts);
    return { name, datatype, shape, values: Array.from(values, text) };
  }
  if (isLong(datatype) && values.some(isInTexts)) {
    const exact = Array.from(values, (value) => toInteger(value, texts));
    const packing = datatype === 'INT64' ? BigInt64Array : BigUint64Array;
    return { name, datatype, shape, values: new packing(exact) };
  }
  return { name, datatype, shape, values };
}

/**
 * Triton's classification extension: of each row the `count` greatest values as "value:index", with the class
 * behind it where the output has one column a class.
 * https://github.com/triton-inference-server/server/blob/main/docs/protocol/extension_classification.md
 */
function classification(
  spec: TensorSpec,
  signature: Signature,
  answers: Float64Array,
  texts: string[],
  rows: number,
  count: number,
): OutputTensor {
  const { name, column, width } = spec;
  const from = answerWidth(signature);
  const kept = Math.min(count, width);
  const { classes } = signature;
  const values: string[] = [];
  for (let row = 0; row < rows; row++) {
    const own = answers.subarray(row * from + column, row * from + column + width);
    const scores = isLong(spec.datatype) ? own.map((value) => nearest(value, texts)) : own;
    const order = Array.from(scores, (_, k) => k).sort((a, b) => scores[b]! - scores[a]! || a - b);
    for (const k of order.slice(0, kept)) {
      const label = classes?.length === width ? `:${classes[k]}` : '';
      values.push(`${formatted(scores[k]!)}:${k}${label}`);
    }
  }
  return { name, datatype: 'BYTES', shape: [rows, kept], values };
}

/** As C's %f, which is what clients of the extension know. */
function formatted(value: number): string {
  return value.toFixed(6);
}

/** A tensor's values as the protocol packs them: little endian, BYTES each with its length before it. */
export function packed({ datatype, values }: OutputTensor): Uint8Array {
  if (datatype === 'BYTES') {
    const texts = (values as string[]).map((text) => Buffer.from(text));
    const bytes = Buffer.alloc(texts.reduce((sum, text) => sum + 4 + text.length, 0));
    let at = 0;
    for (const text of texts) {
      bytes.writeUInt32LE(text.length, at);
      at += 4 + text.copy(bytes, at + 4);
    }
    return bytes;
  }
  if (!(values instanceof Float64Array)) return bytesOf(values as ArrayBufferView);
  return elements[datatype].pack(values);
}
