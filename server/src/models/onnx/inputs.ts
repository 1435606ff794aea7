import { SlipwayError } from '../../errors.ts';
import type { Feature, TensorSpec } from '../../signature.ts';
import type { ModelHints } from '../model.ts';
import { elementTypes } from './element-types.ts';
import type { OnnxGraph, OnnxValue } from './graph.ts';

/** Wider rows are pictures or sounds, which one column a value does not suit. */
export const mostColumns = 8192;

export interface Inputs {
  inputs: TensorSpec[];
  features: Feature[];
  /** 1 where the graph was exported for one row, else Infinity. */
  rowsAtOnce: number;
}

/** The graph's inputs as columns of a frame, one after the other. Throws FILE_UNSUPPORTED, naming the input. */
export function inputsOf(graph: OnnxGraph, hints: ModelHints, file: string): Inputs {
  const initialized = new Set(graph.initializers.map((tensor) => tensor.name));
  const values = graph.inputs.filter((input) => !initialized.has(input.name));
  if (values.length === 0) throw new SlipwayError('FILE_UNSUPPORTED', `${file} takes no inputs.`);
  const inputs: TensorSpec[] = [];
  const features: Feature[] = [];
  for (const value of values) {
    if (!value.isTensor) unsupported(file, value, 'is no tensor');
    const { datatype, feature } =
      elementTypes[value.type] ??
      unsupported(file, value, 'is of a type that this release does not take (such as bfloat16 or complex)');
    const dims = dimsOf(value, values.length, hints, file);
    const width = dims.slice(1).reduce((product, size) => product * size, 1);
    if (features.length + width > mostColumns)
      unsupported(file, value, `makes more than ${mostColumns} columns`);
    const shape = [-1, ...dims.slice(1)];
    inputs.push({ name: value.name, datatype, shape, column: features.length, width });
    for (const name of namesOf(value.name, width, values.length, hints)) {
      if (features.some((one) => one.name === name))
        unsupported(file, value, `would make a second feature "${name}"`);
      features.push({ name, type: feature });
    }
  }
  const rowsAtOnce = values.some((value) => value.dims?.[0] === 1) ? 1 : Number.POSITIVE_INFINITY;
  return { inputs, features, rowsAtOnce };
}

/** The first dimension is the row; the others are fixed, said by the user, or as wide as the training data. */
function dimsOf(value: OnnxValue, inputs: number, hints: ModelHints, file: string): number[] {
  const dims = value.dims ?? unsupported(file, value, 'has no shape');
  if (dims.length === 0) unsupported(file, value, 'has no dimension for rows');
  if (dims[0]! > 1) unsupported(file, value, `takes exactly ${dims[0]} rows at once`);
  const trained = inputs === 1 ? namesSaid(hints)?.length : undefined;
  const shapes = hints.onnx?.shapes ?? {};
  const said = Object.hasOwn(shapes, value.name) ? shapes[value.name]! : null;
  if (said && said.length !== dims.length - 1)
    unsupported(file, value, `has ${dims.length - 1} dimensions besides the rows, not ${said.length}`);
  return dims.map((size, i) => {
    if (i === 0 || size > 0) return size;
    if (said) return said[i - 1]!;
    if (i === dims.length - 1 && dims.length === 2 && trained) return trained;
    return unsupported(file, value, 'has a dimension besides the rows that is not fixed');
  });
}

function namesSaid({ features, training }: ModelHints): string[] | undefined {
  return features ?? training?.features;
}

/** A single column is named as its input; the training data's names are used where there are as many. */
function namesOf(input: string, width: number, inputs: number, hints: ModelHints): string[] {
  const trained = namesSaid(hints);
  if (inputs === 1 && trained?.length === width) return trained;
  return width === 1 ? [input] : Array.from({ length: width }, (_, i) => `${input}_${i}`);
}

function unsupported(file: string, value: OnnxValue, why: string): never {
  throw new SlipwayError(
    'FILE_UNSUPPORTED',
    `${file}: input "${value.name}" ${why}.`,
    'It takes inputs whose first dimension is the row and whose others are fixed, or said with --onnx-shape NAME=5,3.',
  );
}
