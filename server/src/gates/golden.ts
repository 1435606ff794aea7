import { SlipwayError } from '../errors.ts';
import { parseExact } from '../json.ts';
import { readerOf } from '../oip/elements.ts';
import { nestedRow, writeOpenRow } from '../oip/open-rows.ts';
import { shown } from '../shown.ts';
import type { Signature } from '../signature.ts';
import { type Frame, newFrame } from '../tensor.ts';
import { ofInteger } from '../texts.ts';
import { type GoldenOutput, goldenOutputs } from './golden-outputs.ts';
import { numberOf } from './written-number.ts';

/**
 * Golden rows: what the training library itself answered to some rows, as JSON:
 * `{"inputs": [tensor …], "outputs": [tensor …]}`, a tensor being
 * `{"name", "datatype", "shape", "columns"?, "data": rows}`. "NaN", "Infinity" and "-Infinity" stand for
 * themselves in number tensors. Outputs that the version does not have (golden-outputs.ts) are not compared.
 */
export interface Golden {
  /** As they were given. */
  inputs: RowTensor[];
  frame: Frame;
  outputs: GoldenOutput[];
}

/** What rows are made for. */
type Taken = Pick<Signature, 'features' | 'inputs'>;

/** Rows under the name of an input, or of the columns where it has them. */
export interface RowTensor {
  name: string;
  columns?: string[];
  datatype?: string;
  data: unknown[];
}

/** Throws DATA_BROKEN, naming the file and what does not fit. */
export function readGolden(text: string, name: string, signature: Signature): Golden {
  const parsed = readRows(text, name);
  const broken = brokenRows(name);
  const frame = rowsOf(parsed.inputs, signature, broken);
  return { inputs: parsed.inputs, frame, outputs: goldenOutputs(parsed.outputs, signature, broken) };
}

/** What is written in a file of golden rows, whatever it is for. Throws DATA_BROKEN. */
export function readRows(text: string, name: string): { inputs: RowTensor[]; outputs: RowTensor[] } {
  const broken = brokenRows(name);
  let parsed: { inputs?: RowTensor[]; outputs?: RowTensor[] };
  try {
    parsed = parseExact(text) as typeof parsed;
  } catch (error) {
    return broken(`it is not JSON: ${(error as Error).message}.`);
  }
  const { inputs, outputs } = parsed ?? {};
  if (!isTensors(inputs) || !isTensors(outputs)) return broken('it has no "inputs" and "outputs".');
  return { inputs, outputs };
}

export function brokenRows(name: string): (message: string) => never {
  return (message) => {
    throw new SlipwayError(
      'DATA_BROKEN',
      `${name}: ${message}`,
      'Golden rows are described in docs/models.md.',
    );
  };
}

/** Rows as a frame; whatever does not fit the signature is told to `broken`. */
export function rowsOf(tensors: RowTensor[], signature: Taken, broken: (message: string) => never): Frame {
  const rows = tensors[0]?.data.length ?? 0;
  const frame = newFrame(rows, signature.features.length);
  const filled = new Set<number>();
  for (const tensor of tensors) {
    if (tensor.data.length !== rows)
      broken(`input "${tensor.name}" has ${tensor.data.length} rows, not ${rows}.`);
    const columns =
      columnsOf(tensor, tensors.length, signature) ?? broken(`there is no input "${tensor.name}".`);
    for (let row = 0; row < rows; row++) {
      const isTensor = signature.features[columns[0]!]?.type === 'tensor';
      const values = isTensor ? [tensor.data[row]] : [tensor.data[row]].flat(Number.POSITIVE_INFINITY);
      if (values.length !== columns.length)
        broken(`row ${row} of "${tensor.name}" has ${values.length} values, not ${columns.length}.`);
      for (const [i, column] of columns.entries()) {
        filled.add(column);
        const value =
          columnValue(values[i], signature, column, frame.texts) ??
          broken(`row ${row} of "${tensor.name}" does not fit the input.`);
        if (value < 0 && signature.features[column]!.strict)
          broken(`row ${row} of "${tensor.name}" has the unknown category ${shown(values[i])}.`);
        if (Number.isNaN(value) && typeof values[i] === 'string' && values[i] !== 'NaN')
          broken(
            `row ${row} of "${tensor.name}" has the text ${shown(values[i])}, and "${signature.features[column]!.name}" takes numbers.`,
          );
        frame.values[row * frame.width + column] = value;
      }
    }
  }
  const missing = signature.features.findIndex((_, column) => !filled.has(column));
  if (missing >= 0) broken(`it has no values for the feature "${signature.features[missing]!.name}".`);
  return frame;
}

function columnsOf(tensor: RowTensor, inputs: number, signature: Taken): number[] | null {
  if (tensor.columns) {
    const columns = tensor.columns.map((name) =>
      signature.features.findIndex((feature) => feature.name === name),
    );
    if (!columns.includes(-1)) return columns;
  }
  const only = inputs === 1 && signature.inputs.length === 1 ? signature.inputs[0] : undefined;
  const spec = signature.inputs.find((one) => one.name === tensor.name) ?? only;
  return spec ? Array.from({ length: spec.width }, (_, i) => spec.column + i) : null;
}

function columnValue(value: unknown, signature: Taken, column: number, texts: string[]): number | undefined {
  const feature = signature.features[column]!;
  if (feature.type === 'tensor') return openValue(value, signature, column, texts);
  if (feature.type === 'string') return texts.push(String(value)) - 1;
  if (feature.type === 'integer') return integerValue(value, texts);
  // Golden rows hold codes where the library takes codes, and names where it takes names.
  if (feature.categories && (feature.strict || typeof value === 'string'))
    return feature.categories.map(String).indexOf(String(value));
  return numberOf(value);
}

function openValue(value: unknown, { inputs }: Taken, column: number, texts: string[]): number | undefined {
  const spec = inputs.find((one) => one.column === column)!;
  const { datatype } = spec;
  const read = readerOf(datatype);
  // What JSON cannot say is text in golden rows.
  const isFloat = datatype.startsWith('FP');
  const row = nestedRow(spec, value, (one, own) => read(isFloat ? numberOf(one) : one, own));
  return row ? texts.push(writeOpenRow(datatype, row)) - 1 : undefined;
}

function integerValue(value: unknown, texts: string[]): number {
  return typeof value === 'bigint' ? ofInteger(value, texts) : Math.trunc(numberOf(value));
}

function isTensors(value: unknown): value is RowTensor[] {
  return (
    Array.isArray(value) &&
    value.length > 0 &&
    value.every(
      (one) =>
        typeof one === 'object' && one !== null && typeof one.name === 'string' && Array.isArray(one.data),
    )
  );
}
