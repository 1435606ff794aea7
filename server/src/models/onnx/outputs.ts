import type { InferenceSession, Tensor } from 'onnxruntime-node';
import { SlipwayError } from '../../errors.ts';
import type { TensorSpec } from '../../signature.ts';
import { type Frame, newFrame } from '../../tensor.ts';
import { type Inputs, mostColumns } from '../columns.ts';
import { datatypeOf } from './element-types.ts';
import { reasonOf } from './reason.ts';
import { plainRows } from './strict-categories.ts';
import { inputTensor } from './tensors.ts';

type Results = Record<string, Tensor>;

/** Rows that are asked at once: an output's first dimension that is both was no accident. */
const rowCounts = [3, 2];

/**
 * What the outputs are is found by asking (exporters leave shapes out, or wrong): all that have a value a row,
 * in the graph's order. Also whether missing values (NaN) may be given: an operator has a rule for them
 * (`hasRule`), and the graph answers numbers where all numbers are missing.
 */
export async function outputsOf(
  session: InferenceSession,
  { inputs, features, rowsAtOnce }: Inputs,
  hasRule: boolean,
  file: string,
): Promise<{ outputs: TensorSpec[]; missingAllowed: boolean }> {
  const plain = plainRows(features);
  const ask = async (rows: Frame): Promise<Results> => {
    const frame = plain(rows);
    const feeds = inputs.map((spec) => [spec.name, inputTensor(spec, frame, 0, frame.rows)]);
    return (await session.run(Object.fromEntries(feeds))) as unknown as Results;
  };
  const zeros = (rows: number): Frame => ({ ...newFrame(rows, features.length), texts: [''] });
  const counts = rowsAtOnce === 1 ? [1] : rowCounts;
  const results: { rows: number; tensors: Results }[] = [];
  for (const rows of counts) {
    try {
      results.push({ rows, tensors: await ask(zeros(rows)) });
    } catch (error) {
      throw new SlipwayError('FILE_BROKEN', `${file} fails on a row of zeros: ${reasonOf(error)}`);
    }
  }
  const outputs: TensorSpec[] = [];
  let column = 0;
  for (const name of session.outputNames) {
    const found = results.map(({ rows, tensors }) => ({ rows, tensor: tensors[name]! }));
    const { dims, type } = found[0]!.tensor;
    const shape = [-1, ...dims.slice(1)];
    const aRow = found.every(
      ({ rows, tensor }) => tensor.dims[0] === rows && String(tensor.dims.slice(1)) === String(dims.slice(1)),
    );
    const datatype = datatypeOf(type);
    const width = shape.slice(1).reduce((product, size) => product * size, 1);
    if (!datatype || !aRow || width === 0 || width > mostColumns) continue;
    outputs.push({ name, datatype, shape, column, width });
    column += width;
  }
  if (outputs.length === 0)
    throw new SlipwayError('FILE_UNSUPPORTED', `${file} has no output with a value a row.`);
  // Integers and booleans have no NaN: a missing one would be taken for 0.
  const mayMiss = features.every(({ type, strict }) => type === 'number' || type === 'string' || strict);
  if (!mayMiss || !hasRule) return { outputs, missingAllowed: false };
  const frame = zeros(counts[0]!);
  for (const [i, { type }] of features.entries())
    if (type === 'number')
      for (let row = 0; row < frame.rows; row++) frame.values[row * features.length + i] = Number.NaN;
  const answered = await ask(frame).catch(() => null);
  const missingAllowed =
    answered !== null &&
    features.some(({ type }) => type === 'number') &&
    outputs.every(
      ({ name, datatype }) =>
        !datatype.startsWith('FP') ||
        [...answered[name]!.data].every((value) => Number.isFinite(Number(value))),
    );
  return { outputs, missingAllowed };
}
