import type { InferenceSession, Tensor } from 'onnxruntime-node';
import { SlipwayError } from '../../errors.ts';
import { type Feature, isOpen, type TensorSpec } from '../../signature.ts';
import { type Frame, newFrame } from '../../tensor.ts';
import type { Inputs } from '../columns.ts';
import { outputSpec, probesOf, zeros } from '../probes.ts';
import { datatypeOf } from './element-types.ts';
import { way } from './inputs.ts';
import { reasonOf } from './reason.ts';
import { plainRows } from './strict-categories.ts';
import { inputTensor } from './tensors.ts';

type Results = Record<string, Tensor>;

/**
 * What the outputs are is found by asking (exporters leave shapes out, or wrong): all that have a value a row,
 * in the graph's order; and what is said of those that have none (`left`). Also whether missing values (NaN) may be given: an operator has a rule for them
 * (`hasRule`), and the graph answers numbers where all numbers are missing.
 */
export async function outputsOf(
  session: InferenceSession,
  { inputs, features, rowsAtOnce }: Inputs,
  hasRule: boolean,
  file: string,
): Promise<{ outputs: TensorSpec[]; left: string[]; scores: Set<string>; missingAllowed: boolean }> {
  const plain = plainRows(features);
  const tensors = session.outputMetadata.filter(({ isTensor }) => isTensor).map(({ name }) => name);
  const ask = async (rows: Frame): Promise<Results> => {
    const frame = plain(rows);
    const feeds = inputs.map((spec) => [spec.name, inputTensor(spec, frame, 0, frame.rows)]);
    return (await session.run(Object.fromEntries(feeds), tensors)) as unknown as Results;
  };
  const results: Answered[] = [];
  const open = inputs.filter(isOpen);
  const probes = probesOf(inputs, features.length, rowsAtOnce);
  for (const frame of probes) {
    try {
      results.push({ rows: frame.rows, tensors: await ask(frame) });
    } catch (error) {
      if (open.length === 0)
        throw new SlipwayError(
          'FILE_BROKEN',
          `${file} fails on a row of zeros: ${reasonOf(error)}`,
          'What a graph answers with is found by asking it zeros and empty texts. Export it so that it answers them, or again if it should.',
        );
      const names = open.map(({ name }) => `"${name}"`).join(', ');
      throw new SlipwayError(
        'FILE_UNSUPPORTED',
        `${file}: input ${names} has a dimension besides the rows that is not fixed, but does not take every size: ${reasonOf(error)}`,
        way,
      );
    }
  }
  const { outputs, left } = served(session, results, rowsAtOnce, open.length > 0);
  if (outputs.length === 0)
    throw new SlipwayError(
      'FILE_UNSUPPORTED',
      `${file} has no output with a value a row: ${left.join('; ')}.`,
      'Export it with an output whose first dimension is the row, as its first input’s is.',
    );
  const scores = await scoresAmong(outputs, features, rowsAtOnce, ask);
  // Integers and booleans have no NaN: a missing one would be taken for 0.
  const mayMiss = features.every(({ type, strict }) => type === 'number' || type === 'string' || strict);
  if (!mayMiss || !hasRule) return { outputs, left, scores, missingAllowed: false };
  const frame = zeros(probes[0]!.rows, features.length);
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
  return { outputs, left, scores, missingAllowed };
}

interface Answered {
  rows: number;
  tensors: Results;
}

/** The outputs that have a value a row, and what the others are. */
function served(
  session: InferenceSession,
  answered: Answered[],
  rowsAtOnce: number,
  isOpen: boolean,
): { outputs: TensorSpec[]; left: string[] } {
  const outputs: TensorSpec[] = [];
  const left: string[] = [];
  let column = 0;
  for (const { name, isTensor } of session.outputMetadata) {
    const found = isTensor ? specOf(name, answered, rowsAtOnce, isOpen) : 'is a list or a map, no tensor';
    if (typeof found === 'string') left.push(`"${name}" ${found}`);
    else {
      outputs.push({ ...found, column });
      column += found.width;
    }
  }
  return { outputs, left };
}

/** An output as it is seen of several numbers of rows; a text says why it has no value a row. */
function specOf(
  name: string,
  answered: Answered[],
  rowsAtOnce: number,
  isOpen: boolean,
): Omit<TensorSpec, 'column'> | string {
  const found = answered.map(({ rows, tensors }) => {
    const { dims, type } = tensors[name]!;
    // Of a graph that takes one row a call all that it answers is of that row.
    return {
      rows,
      type,
      datatype: datatypeOf(type) ?? null,
      dims: rowsAtOnce === 1 && dims[0] !== 1 ? [1, ...dims] : dims,
    };
  });
  const spec = outputSpec(found, isOpen);
  return typeof spec === 'string' ? spec : { name, ...spec };
}

const sampleRows = 40;
/** Of the sample: a probability of rows like no others may be nonsense. */
const fewRows = 4;

/** The outputs whose numbers are no probabilities: below 0 or above 1 for more than a few of a sample of rows. */
async function scoresAmong(
  outputs: TensorSpec[],
  features: Feature[],
  rowsAtOnce: number,
  ask: (rows: Frame) => Promise<Results>,
): Promise<Set<string>> {
  const beyond = new Map<string, number>();
  for (const frame of sample(features, rowsAtOnce)) {
    // A graph need not take every row (an index beyond its list).
    const answered = await ask(frame).catch(() => null);
    for (const spec of outputs) {
      const { name, datatype, width } = spec;
      if (!answered || !datatype.startsWith('FP') || isOpen(spec)) continue;
      const numbers = Array.from(answered[name]!.data, Number);
      for (let row = 0; row < frame.rows; row++) {
        const isBeyond = numbers.slice(row * width, (row + 1) * width).some((x) => x < -1e-3 || x > 1.001);
        beyond.set(name, (beyond.get(name) ?? 0) + (isBeyond ? 1 : 0));
      }
    }
  }
  return new Set([...beyond].flatMap(([name, rows]) => (rows > fewRows ? [name] : [])));
}

/** Rows of numbers of several magnitudes, as many at once as the graph takes. */
function sample(features: Feature[], rowsAtOnce: number): Frame[] {
  const rows = Math.min(rowsAtOnce, sampleRows);
  return Array.from({ length: sampleRows / rows }, (_, k): Frame => {
    const frame: Frame = { ...newFrame(rows, features.length), texts: [''] };
    for (let i = 0; i < frame.values.length; i++) {
      const even = ((k * frame.values.length + i + 1) * 0.6180339887498949) % 1;
      if (features[i % features.length]!.type === 'number')
        frame.values[i] = (2 * even - 1) * 10 ** ((i % 5) - 2);
    }
    return frame;
  });
}
