import { SlipwayError } from '../errors.ts';
import { shown } from '../shown.ts';
import { type Datatype, isLong, isOpen, longColumns, type Signature, type TensorSpec } from '../signature.ts';
import { type Frame, newFrame } from '../tensor.ts';
import { nearest } from '../texts.ts';
import { type Element, elements, readerOf } from './elements.ts';
import { writeOpenRow } from './open-rows.ts';

/** A tensor as it came: its values one by one, or their bytes as the protocol packs them. */
export interface GivenTensor {
  name: string;
  datatype: string;
  shape: number[];
  values: ArrayLike<unknown> | null;
  raw: Uint8Array | null;
}

/** Bytes before each BYTES value that say how long it is. */
const lengthBytes = 4;
/** Rows without a value take no bytes: whatever a request is long, it could say any number of them. */
const mostEmptyRows = 4096;
const utf8 = new TextDecoder('utf-8', { fatal: true });

/**
 * Input tensors as a frame, every row filled; `made` gives one of so many rows. Throws TENSOR_MISMATCH, naming the
 * tensor and what was expected, or ROWS_EMPTY.
 */
export function frameOf(
  tensors: GivenTensor[],
  signature: Signature,
  made: (rows: number) => Frame = (rows) => newFrame(rows, signature.features.length),
): Frame {
  // A table may have a tensor for each of thousands of features: each is looked up, not looked for.
  const sent = new Map(tensors.map((tensor) => [tensor.name, tensor]));
  const specs = specsFor(sent, signature);
  if (specs.filter(({ name }) => sent.has(name)).length < sent.size) {
    const names = new Set(specs.map(({ name }) => name));
    const other = tensors.find(({ name }) => !names.has(name))!;
    throw mismatch(`There is no input ${shown(other.name)}; the inputs are ${listed(signature.inputs)}.`);
  }
  if (sent.size < tensors.length) {
    const { name } = tensors.find((tensor) => sent.get(tensor.name) !== tensor)!;
    throw mismatch(`Input "${name}" is given twice.`);
  }
  const rows = tensors[0]?.shape[0] ?? 0;
  // Sizes are compared before anything is allocated by them.
  const inputs = specs.map((spec) => ({ spec, tensor: tensorFor(sent, spec, rows) }));
  if (rows === 0) throw new SlipwayError('ROWS_EMPTY', 'The tensors hold no rows.');
  const frame = made(rows);
  for (const { spec, tensor } of inputs) {
    if (isOpen(spec)) fillOpen(frame, tensor, spec);
    else if (spec.datatype === 'BYTES') fillTexts(frame, tensor, spec);
    else if (tensor.raw) fillRaw(frame, tensor.raw, spec, elements[spec.datatype]);
    else fillValues(frame, tensor.values!, spec, elements[spec.datatype].fromJson);
  }
  if (specs !== signature.inputs) asNumbers(frame, specs, signature.inputs[0]!);
  for (const [column, { strict }] of signature.features.entries())
    if (strict) encodeCategories(frame, column, signature);
  // What categories were told apart by is of no more use.
  if (frame.texts.length > 0 && !holdsTexts(signature)) frame.texts.length = 0;
  return frame;
}

/**
 * The inputs as this request may have them. One that has no name of its own is the caller's: a matrix of any name and of
 * any numbers, or a tensor a feature, as tables come.
 */
function specsFor(sent: Map<string, GivenTensor>, { inputs, features }: Signature): TensorSpec[] {
  const [spec, another] = inputs;
  if (!spec?.unnamed || another) return inputs;
  if (sent.size === 1 && sent.get(spec.name)?.datatype === spec.datatype) return inputs;
  const datatypeOf = (name: string): Datatype => {
    const datatype = sent.get(name)?.datatype ?? '';
    return Object.hasOwn(elements, datatype) ? (datatype as Datatype) : spec.datatype;
  };
  if (features.every(({ name }) => sent.has(name)))
    return features.map(({ name }, column) => ({
      name,
      datatype: datatypeOf(name),
      shape: [-1],
      column: spec.column + column,
      width: 1,
    }));
  const [given, more] = sent.keys();
  const name = given !== undefined && more === undefined ? given : spec.name;
  return [{ ...spec, name, datatype: datatypeOf(name) }];
}

/** What came as numbers of other types, as those that the model takes: float32 where its file's are. */
function asNumbers({ values, rows, width, texts }: Frame, specs: TensorSpec[], to: TensorSpec): void {
  for (const column of longColumns(specs))
    for (let at = column; at < rows * width; at += width) values[at] = nearest(values[at]!, texts);
  if (to.datatype === 'FP32') for (let i = 0; i < rows * width; i++) values[i] = Math.fround(values[i]!);
}

export function listed(specs: TensorSpec[]): string {
  return specs.map((spec) => `"${spec.name}" (${spec.datatype} [${spec.shape}])`).join(', ');
}

export function mismatch(message: string): SlipwayError {
  return new SlipwayError('TENSOR_MISMATCH', message);
}

function tensorFor(sent: Map<string, GivenTensor>, spec: TensorSpec, rows: number): GivenTensor {
  const { name, width } = spec;
  const tensor = sent.get(name);
  if (!tensor) throw mismatch(`Input "${name}" is missing.`);
  const { datatype, shape, values, raw } = tensor;
  if (datatype !== spec.datatype) {
    throw mismatch(`Input "${name}" is ${datatype.slice(0, 20)}; this model takes ${spec.datatype}.`);
  }
  // A column may come as [rows] or as [rows, 1]: clients differ in what they make of a table.
  const isColumn = width === 1 && !isOpen(spec) && shape.length <= 2 && (shape[1] ?? 1) === 1;
  const fits =
    shape[0] === rows &&
    shape.every(isSize) &&
    (isColumn ||
      (shape.length === spec.shape.length &&
        spec.shape.every((size, i) => i === 0 || size < 0 || size === shape[i])));
  if (!fits) {
    throw mismatch(
      `Input "${name}" has shape [${shape.slice(0, 10)}]; this model takes [${spec.shape}], with -1 rows alike in all inputs.`,
    );
  }
  const count =
    raw && spec.datatype !== 'BYTES' ? raw.length / elements[spec.datatype].bytes : values?.length;
  const said = rows * (isOpen(spec) ? product(shape.slice(1)) : width);
  const least = raw && count === undefined ? said * lengthBytes : 0;
  if ((count !== undefined && count !== said) || (raw?.length ?? 0) < least) {
    throw mismatch(
      `Input "${name}" holds ${count ?? `${raw!.length} bytes of`} values; its shape says ${said}.`,
    );
  }
  if (said === 0 && rows > mostEmptyRows)
    throw mismatch(`Input "${name}" has ${rows} rows without a value; up to ${mostEmptyRows} may have none.`);
  return tensor;
}

function fillValues(
  frame: Frame,
  values: ArrayLike<unknown>,
  spec: TensorSpec,
  read: (value: unknown, texts: string[]) => number | undefined,
): void {
  // Numbers for a tensor of these are what nearly always comes: no call for each of them.
  const [isSingle, isDouble] = [spec.datatype === 'FP32', spec.datatype === 'FP64'];
  const to = frame.values;
  if (values instanceof Float64Array && spec.width === frame.width && (isSingle || isDouble)) {
    if (isDouble) to.set(values);
    else for (let i = 0; i < values.length; i++) to[i] = Math.fround(values[i]!);
    return;
  }
  for (let row = 0, i = 0; row < frame.rows; row++) {
    const from = row * frame.width + spec.column;
    for (let k = 0; k < spec.width; k++, i++) {
      const given = values[i];
      if (isSingle && typeof given === 'number') to[from + k] = Math.fround(given);
      else if (isDouble && typeof given === 'number') to[from + k] = given;
      else {
        const value = read(given, frame.texts);
        if (value === undefined) throw notOfType(spec, i, given);
        to[from + k] = value;
      }
    }
  }
}

function fillRaw(frame: Frame, raw: Uint8Array, spec: TensorSpec, { unpack }: Element): void {
  const values = unpack(raw, frame.texts);
  if (spec.width === frame.width) {
    frame.values.set(values);
    return;
  }
  for (let row = 0, i = 0; row < frame.rows; row++) {
    const from = row * frame.width + spec.column;
    for (let k = 0; k < spec.width; k++, i++) frame.values[from + k] = values[i]!;
  }
}

function fillTexts(frame: Frame, { values, raw }: GivenTensor, spec: TensorSpec): void {
  const texts = raw ? unpackTexts(raw, frame.rows * spec.width, spec.name) : values!;
  fillValues(frame, texts, spec, (value) => {
    const text = value instanceof Uint8Array ? decoded(value, spec.name) : value;
    return typeof text === 'string' ? frame.texts.push(text) - 1 : undefined;
  });
}

/** Rows of any size, each as text. */
function fillOpen(frame: Frame, { shape, values, raw }: GivenTensor, spec: TensorSpec): void {
  const inner = shape.slice(1);
  const each = product(inner);
  const { datatype } = spec;
  const texts: string[] = [];
  const isPacked = raw !== null && datatype !== 'BYTES';
  const numbers = isPacked ? elements[datatype].unpack(raw, texts) : null;
  const given = raw && !isPacked ? unpackTexts(raw, frame.rows * each, spec.name) : values!;
  const read = readerOf(datatype);
  for (let row = 0, i = 0; row < frame.rows; row++) {
    const own: number[] = [];
    for (let k = 0; k < each; k++, i++) {
      const one = given?.[i];
      const value = one instanceof Uint8Array ? decoded(one, spec.name) : one;
      const number = numbers ? numbers[i] : read(value, texts);
      if (number === undefined) throw notOfType(spec, i, value);
      own.push(number);
    }
    const text = writeOpenRow(datatype, { shape: inner, values: own, texts });
    frame.values[row * frame.width + spec.column] = frame.texts.push(text) - 1;
  }
}

/** Whether a dimension may be so large. */
export function isSize(size: unknown): boolean {
  return Number.isSafeInteger(size) && (size as number) >= 0;
}

export function product(sizes: number[]): number {
  return sizes.reduce((product, size) => product * size, 1);
}

/** A column of categories as tensors hold them becomes one of their indices. */
function encodeCategories(frame: Frame, column: number, { features, inputs }: Signature): void {
  const { name, categories = [] } = features[column]!;
  const isText = inputs.some((spec) => spec.datatype === 'BYTES' && isIn(spec, column));
  for (let at = column; at < frame.values.length; at += frame.width) {
    const value = frame.values[at]!;
    const category = isText ? frame.texts[value]! : nearest(value, frame.texts);
    const code = categories.indexOf(category);
    if (code < 0)
      throw new SlipwayError('CATEGORY_UNKNOWN', `Feature "${name}" has no category ${shown(category)}.`);
    frame.values[at] = code;
  }
}

/** Whether columns still index into the texts when categories are encoded. */
function holdsTexts({ features, inputs }: Signature): boolean {
  return inputs.some(
    (spec) =>
      (spec.datatype === 'BYTES' || isLong(spec.datatype) || isOpen(spec)) &&
      features.slice(spec.column, spec.column + spec.width).some(({ strict }) => !strict),
  );
}

function isIn(spec: TensorSpec, column: number): boolean {
  return column >= spec.column && column < spec.column + spec.width;
}

/** `count` byte strings, each with its length before it. Throws TENSOR_MISMATCH. */
export function unpackTexts(raw: Uint8Array, count: number, name: string): Uint8Array[] {
  const view = new DataView(raw.buffer, raw.byteOffset, raw.byteLength);
  const texts: Uint8Array[] = [];
  let at = 0;
  while (at < raw.length) {
    const end = at + lengthBytes + (at + lengthBytes <= raw.length ? view.getUint32(at, true) : 0);
    if (at + lengthBytes > raw.length || end > raw.length) {
      throw mismatch(`Value ${texts.length} of "${name}" goes beyond its bytes.`);
    }
    texts.push(raw.subarray(at + lengthBytes, end));
    at = end;
  }
  if (texts.length !== count) {
    throw mismatch(`"${name}" holds ${texts.length} values; its shape says ${count}.`);
  }
  return texts;
}

/** Throws TENSOR_MISMATCH. */
export function decoded(bytes: Uint8Array, name: string): string {
  try {
    return utf8.decode(bytes);
  } catch {
    throw mismatch(`"${name}" holds bytes that are no UTF-8 text.`);
  }
}

function notOfType(spec: TensorSpec, index: number, value: unknown): SlipwayError {
  return mismatch(`Value ${index} of input "${spec.name}" is not ${spec.datatype}: ${shown(value)}.`);
}
