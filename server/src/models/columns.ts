import { SlipwayError } from '../errors.ts';
import type { Datatype, Feature, FeatureType, TensorSpec } from '../signature.ts';
import type { ModelHints } from './model.ts';

/** Wider rows are pictures or sounds, which one column a value does not suit. */
export const mostColumns = 8192;

export interface Inputs {
  inputs: TensorSpec[];
  features: Feature[];
  /** 1 where the model takes one row a call, else Infinity. */
  rowsAtOnce: number;
}

/** An input as a graph or a server describes it. `dims`: -1 for what is not fixed; null: not given. */
export interface InputValue {
  name: string;
  datatype: Datatype;
  dims: number[] | null;
}

/**
 * A model's inputs as columns of a frame, one after the other. Throws FILE_UNSUPPORTED, naming the input. `way`: how
 * the user can say a dimension that is not fixed; `mayBeOpen`: it need not be said.
 */
export function columnsOf(
  values: InputValue[],
  hints: ModelHints,
  file: string,
  way: string,
  mayBeOpen: boolean,
): Inputs {
  if (values.length === 0) throw new SlipwayError('FILE_UNSUPPORTED', `${file} takes no inputs.`);
  const unsupported = (value: InputValue, why: string): never => {
    throw new SlipwayError('FILE_UNSUPPORTED', `${file}: input "${value.name}" ${why}.`, way);
  };
  const inputs: TensorSpec[] = [];
  const features: Feature[] = [];
  for (const value of values) {
    const { datatype } = value;
    const dims = dimsOf(value, values.length, hints, mayBeOpen, (why) => unsupported(value, why));
    const isOpen = dims.indexOf(-1, 1) > 0;
    const width = isOpen ? 1 : dims.slice(1).reduce((product, size) => product * size, 1);
    if (features.length + width > mostColumns)
      unsupported(
        value,
        `makes more than ${mostColumns} columns${mayBeOpen ? '; left open (dynamic), those dimensions make one' : ''}`,
      );
    const shape = [-1, ...dims.slice(1)];
    inputs.push({ name: value.name, datatype, shape, column: features.length, width });
    for (const name of namesOf(value.name, width, values.length, hints)) {
      if (features.some((one) => one.name === name))
        unsupported(value, `would make a second feature "${name}"`);
      features.push({ name, type: isOpen ? 'tensor' : featureType(datatype) });
    }
  }
  const rowsAtOnce = values.some((value) => value.dims?.[0] === 1) ? 1 : Number.POSITIVE_INFINITY;
  return { inputs, features, rowsAtOnce };
}

/** The first dimension is the row; the others are fixed, said by the user, as wide as the training data, or open (-1). */
function dimsOf(
  value: InputValue,
  inputs: number,
  hints: ModelHints,
  mayBeOpen: boolean,
  unsupported: (why: string) => never,
): number[] {
  const dims = value.dims ?? unsupported('has no shape');
  if (dims.length === 0) unsupported('has no dimension for rows');
  if (dims[0]! > 1) unsupported(`takes exactly ${dims[0]} rows at once`);
  const trained = inputs === 1 ? namesSaid(hints)?.length : undefined;
  const shapes = hints.onnx?.shapes ?? {};
  const said = Object.hasOwn(shapes, value.name) ? shapes[value.name]! : null;
  if (said && said.length !== dims.length - 1)
    unsupported(`has ${dims.length - 1} dimensions besides the rows, not ${said.length}`);
  return dims.map((size, i) => {
    if (i === 0 || size > 0) return size;
    if (said) return said[i - 1]!;
    if (i === dims.length - 1 && dims.length === 2 && trained) return trained;
    if (mayBeOpen) return -1;
    return unsupported('has a dimension besides the rows that is not fixed');
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

function featureType(datatype: Datatype): FeatureType {
  if (datatype === 'BYTES') return 'string';
  if (datatype === 'BOOL') return 'boolean';
  return datatype.startsWith('FP') ? 'number' : 'integer';
}
