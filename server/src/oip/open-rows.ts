import { SlipwayError } from '../errors.ts';
import { parseExact } from '../json.ts';
import { type Datatype, isLong, isOpen, type TensorSpec } from '../signature.ts';
import { type Frame, newFrame } from '../tensor.ts';
import { intoTexts, isInTexts, ofInteger, textAt, toInteger } from '../texts.ts';

/**
 * One row of a tensor whose dimensions besides the rows are open, in one column: text, as a frame's texts and an answer's
 * hold it: `{"shape": [2, 3], "data": [flat, row-major]}`. "NaN", "Infinity" and "-Infinity" are strings there.
 */
export interface OpenRow {
  shape: number[];
  /** Text and whole numbers that no float64 holds are in `texts` (texts.ts). */
  values: ArrayLike<number>;
  texts: string[];
}

/** No tensor has more dimensions. */
const mostDimensions = 32;

export function writeOpenRow(datatype: Datatype, { shape, values, texts }: OpenRow): string {
  const said: string[] = [];
  for (let i = 0; i < values.length; i++) {
    const value = values[i]!;
    if (datatype === 'BYTES') said.push(JSON.stringify(textAt(value, texts)));
    else if (isLong(datatype) && isInTexts(value)) said.push(textAt(value, texts));
    else said.push(Number.isFinite(value) ? numberText(value) : `"${value}"`);
  }
  return `{"shape":[${shape}],"data":[${said}]}`;
}

/** Of empty text: a row of zeros (of empty text), 1 in every open dimension. */
export function readOpenRow({ datatype, shape }: TensorSpec, text: string): OpenRow {
  const texts: string[] = [];
  if (text === '') {
    const inner = shape.slice(1).map((size) => Math.max(1, size));
    const count = inner.reduce((product, size) => product * size, 1);
    const values = Array.from({ length: count }, () => (datatype === 'BYTES' ? intoTexts('', texts) : 0));
    return { shape: inner, values, texts };
  }
  const row = parseExact(text) as { shape: number[]; data: (number | bigint | string)[] };
  const values = row.data.map((value) => {
    if (datatype === 'BYTES') return intoTexts(String(value), texts);
    return typeof value === 'bigint' && isLong(datatype) ? ofInteger(value, texts) : Number(value);
  });
  return { shape: row.shape, values, texts };
}

/**
 * A nested list as a row; `read` makes a column's value of one that is no list. Returns null for what is not rectangular,
 * has other dimensions than the tensor's, or holds what `read` does not take.
 */
export function nestedRow(
  { shape }: TensorSpec,
  given: unknown,
  read: (value: unknown, texts: string[]) => number | undefined,
): OpenRow | null {
  const inner: number[] = [];
  for (let at = given; Array.isArray(at) && inner.length < mostDimensions; at = at[0]) inner.push(at.length);
  const fits =
    inner.length === shape.length - 1 && inner.every((size, i) => shape[i + 1]! < 0 || size === shape[i + 1]);
  const texts: string[] = [];
  const values: number[] = [];
  const take = (value: unknown, depth: number): boolean => {
    if (depth < inner.length)
      return (
        Array.isArray(value) && value.length === inner[depth] && value.every((one) => take(one, depth + 1))
      );
    const number = read(value, texts);
    return number !== undefined && values.push(number) > 0;
  };
  return fits && take(given, 0) ? { shape: inner, values, texts } : null;
}

/** Whether two rows' texts say the same, numbers within a tolerance relative to the greatest of them. */
export function sameOpenRows(a: string, b: string, tolerance: number): boolean {
  if (a === b) return true;
  const [one, other] = [asRow(a), asRow(b)];
  if (!one || !other || one.data.length !== other.data.length) return false;
  const numbers = one.data.map(Number);
  const most = tolerance * Math.max(...numbers.filter(Number.isFinite).map(Math.abs), 0);
  return (
    String(one.shape) === String(other.shape) &&
    other.data.every((value, i) => value === one.data[i] || Math.abs(Number(value) - numbers[i]!) <= most)
  );
}

/** Null for free text, whatever it looks like. */
function asRow(text: string): { shape: unknown[]; data: unknown[] } | null {
  if (!text.startsWith('{"shape":')) return null;
  try {
    const { shape, data } = JSON.parse(text) as { shape: unknown; data: unknown };
    return Array.isArray(shape) && Array.isArray(data) ? { shape, data } : null;
  } catch {
    return null;
  }
}

/** −0 is not 0. */
function numberText(value: number): string {
  return Object.is(value, -0) ? '-0' : String(value);
}

/** Whether one tensor an input can hold all rows. */
export function haveOneSize(inputs: TensorSpec[], { rows, width, values, texts }: Frame): boolean {
  return inputs.filter(isOpen).every((spec) => {
    const sizes = new Set<string>();
    for (let row = 0; row < rows; row++)
      sizes.add(String(readOpenRow(spec, texts[values[row * width + spec.column]!] ?? '').shape));
    return sizes.size <= 1;
  });
}

/**
 * An open input's rows [from, to) as those of a tensor of their size, alone in a frame. Throws FEATURE_MISTYPED where they
 * are of different sizes.
 */
export function fixedRows(
  spec: TensorSpec,
  frame: Frame,
  from: number,
  to: number,
): { spec: TensorSpec; frame: Frame } {
  const rows = Array.from({ length: to - from }, (_, row) =>
    readOpenRow(spec, frame.texts[frame.values[(from + row) * frame.width + spec.column]!] ?? ''),
  );
  const { shape, values } = rows[0]!;
  const own = newFrame(rows.length, values.length);
  for (const [row, one] of rows.entries()) {
    if (String(one.shape) !== String(shape))
      throw new SlipwayError('FEATURE_MISTYPED', `rows of input "${spec.name}" are of different sizes`);
    for (let i = 0; i < values.length; i++) {
      const value = one.values[i]!;
      const at = row * values.length + i;
      if (spec.datatype === 'BYTES') own.values[at] = own.texts.push(textAt(value, one.texts)) - 1;
      else own.values[at] = isLong(spec.datatype) ? ofInteger(toInteger(value, one.texts), own.texts) : value;
    }
  }
  return { spec: { ...spec, shape: [-1, ...shape], column: 0, width: values.length }, frame: own };
}

/** All rows of an input that one tensor holds: as they are, or in their size where that is open. Throws FEATURE_MISTYPED. */
export function sized(spec: TensorSpec, frame: Frame): { spec: TensorSpec; frame: Frame } {
  return isOpen(spec) ? fixedRows(spec, frame, 0, frame.rows) : { spec, frame };
}

/** All rows of an output, as one tensor's. Throws TENSOR_MISMATCH where they are of different sizes. */
export function openRows(
  spec: TensorSpec,
  columns: Float64Array,
  texts: string[],
): OpenRow & { values: Float64Array } {
  const rows = Array.from(columns, (value) => readOpenRow(spec, textAt(value, texts)));
  const { shape } = rows[0]!;
  if (rows.some((row) => String(row.shape) !== String(shape)))
    throw new SlipwayError(
      'TENSOR_MISMATCH',
      `Rows of output "${spec.name}" are of different sizes, which one tensor does not hold.`,
      'Ask for them one by one.',
    );
  const own: string[] = [];
  const holdsTexts = spec.datatype === 'BYTES' || isLong(spec.datatype);
  const values = rows.flatMap((row) =>
    Array.from(row.values, (value) =>
      holdsTexts && isInTexts(value) ? intoTexts(textAt(value, row.texts), own) : value,
    ),
  );
  return { shape, values: Float64Array.from(values), texts: own };
}
