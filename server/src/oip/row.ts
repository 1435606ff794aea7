import { answerWidth, type Signature } from '../signature.ts';
import { type OutputTensor, outputsOf } from './infer.ts';

/** One row of an output as JSON (json.ts: stringify) says it: a value, or a list of them where it has more dimensions. */
export function rowValue({ datatype, shape, values }: OutputTensor, row: number): unknown {
  const width = shape.slice(1).reduce((product, size) => product * size, 1);
  const own = Array.from<number | bigint | string>(values.slice(row * width, (row + 1) * width));
  const said = datatype === 'BOOL' ? own.map((value) => value !== 0) : own;
  return shape.length === 1 ? said[0] : said;
}

/** One row of each output, by name. */
export function rowValues(outputs: OutputTensor[], row: number): Record<string, unknown> {
  return Object.fromEntries(outputs.map((output) => [output.name, rowValue(output, row)]));
}

/** One answered row, every output by its name. */
export function rowOf(
  signature: Signature,
  answers: Float64Array,
  texts: string[],
  row: number,
): Record<string, unknown> {
  return rowValues(rowOutputs(signature, answers, texts, row), 0);
}

/** One answered row's outputs, in tensors of its own. */
export function rowOutputs(
  signature: Signature,
  answers: Float64Array,
  texts: string[],
  row: number,
): OutputTensor[] {
  const width = answerWidth(signature);
  const own = answers.subarray(row * width, (row + 1) * width);
  return outputsOf({ outputs: null }, signature, own, texts, 1);
}
