import { writeOpenRow } from '../oip/open-rows.ts';
import { type Datatype, isOpen, type TensorSpec } from '../signature.ts';
import { type Frame, newFrame } from '../tensor.ts';
import { intoTexts } from '../texts.ts';
import { mostColumns } from './columns.ts';

/**
 * What a model answers with is found by asking it rows of zeros: what graphs and servers say of their outputs is left out
 * or wrong often enough.
 */

/** Rows that are asked at once: an output's first dimension that is both was no accident. */
const rowCounts = [3, 2];

/** An output as it came for so many rows. `datatype` null: none that Slipway knows; `type`: as its maker calls it. */
export interface ProbedOutput {
  rows: number;
  type: string;
  datatype: Datatype | null;
  dims: readonly number[];
}

/** Rows of zeros and empty texts: several, or as many as the model takes at once; and larger ones where inputs are open. */
export function probesOf(inputs: TensorSpec[], width: number, rowsAtOnce: number): Frame[] {
  const counts = Number.isFinite(rowsAtOnce) ? [rowsAtOnce] : rowCounts;
  const probes = counts.map((rows) => zeros(rows, width));
  const open = inputs.filter(isOpen);
  if (open.length > 0) probes.push(larger(open, zeros(counts.at(-1)!, width)));
  return probes;
}

export function zeros(rows: number, width: number): Frame {
  return { ...newFrame(rows, width), texts: [''] };
}

/** The same rows with 2 in every open dimension. */
function larger(open: TensorSpec[], frame: Frame): Frame {
  for (const { column, datatype, shape } of open) {
    const inner = shape.slice(1).map((size) => (size < 0 ? 2 : size));
    const texts: string[] = [];
    const values = Array.from({ length: inner.reduce((product, size) => product * size, 1) }, () =>
      datatype === 'BYTES' ? intoTexts('', texts) : 0,
    );
    const index = frame.texts.push(writeOpenRow(datatype, { shape: inner, values, texts })) - 1;
    for (let row = 0; row < frame.rows; row++) frame.values[row * frame.width + column] = index;
  }
  return frame;
}

/**
 * An output as it is seen of all probes; what has other sizes for larger inputs is open. A text says why it has no value a
 * row.
 */
export function outputSpec(
  found: ProbedOutput[],
  hasOpenInputs: boolean,
): Pick<TensorSpec, 'datatype' | 'shape' | 'width'> | string {
  const { dims, type, datatype } = found[0]!;
  const shape = dims.map((_, i) => {
    const sizes = new Set(found.map((one) => one.dims[i]));
    return i === 0 || sizes.size > 1 ? -1 : dims[i]!;
  });
  const ofAnySize = shape.indexOf(-1, 1) > 0;
  if (!datatype) return `is of the type ${type}`;
  if (!found.every(({ rows, dims: { 0: first, length } }) => first === rows && length === dims.length))
    return `has the shape [${dims}] for ${found[0]!.rows} rows`;
  // What varies although no input does is made of something else than the rows.
  if (ofAnySize && !hasOpenInputs) return 'has as many numbers as it likes';
  const width = ofAnySize ? 1 : shape.slice(1).reduce((product, size) => product * size, 1);
  if (width === 0 || width > mostColumns)
    return `has ${width} numbers a row; up to ${mostColumns} are served`;
  return { datatype, shape, width };
}
