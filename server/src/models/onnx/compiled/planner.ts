import type { Datatype, Feature, TensorSpec } from '../../../signature.ts';
import { labelsOf } from '../classes.ts';
import { numbersOf } from '../constants.ts';
import type { OnnxGraph, OnnxNode, OnnxTensor } from '../graph.ts';
import type { Plan, Step } from './plan.ts';

type Label = string | number;

/** A tensor of the graph on its way through a plan: `width` numbers a row. A label is an index into `labels`. */
export interface Value {
  index: number;
  width: number;
  type: 'float' | 'double' | 'integer' | 'text' | 'label';
  labels?: Label[];
  /** The frame's column that each number is, where it is one as it stands; else -1. */
  columns?: number[];
}

/** A plan, and for each column of the frame numbers that the graph reckons with. */
export interface Planned extends Plan {
  typical: Map<number, number[]>;
}

/** More numbers a row than these are no table's. */
const mostWidth = 2 ** 20;

/** Graphs with more constants than these would make a lane pause while they are copied. */
const mostConstants = 2 ** 18;

/** Numbers that are remembered of a column. */
const mostTypical = 10_000;

const types: Partial<Record<Datatype, Value['type']>> = {
  FP32: 'float',
  FP64: 'double',
  INT64: 'integer',
  INT32: 'integer',
  BOOL: 'integer',
  BYTES: 'text',
};

export class Planner {
  readonly #values = new Map<string, Value>();
  readonly #initializers: Map<string, OnnxTensor>;
  readonly #widths: number[] = [];
  readonly #steps: Step[] = [];
  readonly #outputs: Plan['outputs'] = [];
  readonly #constants: number[] = [];
  readonly #forests: Uint8Array[] = [];
  readonly #typical = new Map<number, number[]>();

  readonly #features: Feature[];

  constructor(graph: OnnxGraph, features: Feature[]) {
    this.#features = features;
    this.#initializers = new Map(graph.initializers.map((tensor) => [tensor.name, tensor]));
  }

  /** An input of the graph; false for types that are not compiled. */
  take({ name, datatype, column, width }: TensorSpec): boolean {
    const type = types[datatype];
    if (!type) return false;
    const columns = Array.from({ length: width }, (_, i) => column + i);
    const value = this.new(width, type, { columns });
    this.#steps.push({ op: 'take', to: value.index, column, datatype, input: name });
    this.#values.set(name, value);
    return true;
  }

  /** A node's input that is computed; null where it is a constant or absent. */
  input(node: OnnxNode, i = 0): Value | null {
    return this.#values.get(node.inputs[i] ?? '') ?? null;
  }

  /** A node's input that is a constant of numbers. */
  constant(node: OnnxNode, i: number): { numbers: number[]; dims: number[]; type: number } | null {
    const tensor = this.#initializers.get(node.inputs[i] ?? '');
    const numbers = tensor ? numbersOf(tensor) : null;
    return numbers && { numbers, dims: tensor!.dims, type: tensor!.type };
  }

  /** A node's input that is a constant list of labels. */
  labels(node: OnnxNode, i: number): Label[] {
    const tensor = this.#initializers.get(node.inputs[i] ?? '');
    return tensor ? labelsOf(tensor) : [];
  }

  addConstant(name: string, tensor: OnnxTensor): void {
    this.#initializers.set(name, { ...tensor, name });
  }

  /** Throws RangeError for what is too wide. */
  new(width: number, type: Value['type'], more: Pick<Value, 'labels' | 'columns'> = {}): Value {
    if (width > mostWidth) throw new RangeError(`a value has ${width} numbers a row`);
    return { index: this.#widths.push(width) - 1, width, type, ...more };
  }

  /** Whether each of a value's numbers is a feature that has strict categories. */
  isStrict({ columns }: Value): boolean {
    return columns?.every((column) => this.#features[column]?.strict) ?? false;
  }

  /** Says of a value's numbers which ones the graph reckons with: proofs are made near them. */
  typical({ columns }: Value, i: number, numbers: number[]): void {
    const column = columns?.[i] ?? -1;
    if (column < 0) return;
    const known = this.#typical.get(column) ?? [];
    this.#typical.set(column, known);
    if (known.length < mostTypical) known.push(...numbers);
  }

  /** Plans a step that makes one value of another, and gives it back. */
  step<Op extends Step['op']>(
    op: Op,
    from: Value,
    to: Value,
    more: Omit<Extract<Step, { op: Op }>, 'op' | 'from' | 'to'>,
  ): Value {
    this.#steps.push({ op, from: from.index, to: to.index, ...more } as unknown as Step);
    return to;
  }

  concat(values: Value[]): Value {
    const width = values.reduce((sum, one) => sum + one.width, 0);
    const columns = values.flatMap((one) => one.columns ?? Array.from({ length: one.width }, () => -1));
    const to = this.new(width, 'float', { columns });
    this.#steps.push({ op: 'concat', from: values.map(({ index }) => index), to: to.index });
    return to;
  }

  /** Names what a node gives; always true, so that an operator may end with it. */
  set(node: OnnxNode, value: Value, output = 0): true {
    const name = node.outputs[output];
    if (name) this.#values.set(name, value);
    return true;
  }

  /** The address of constants. */
  keep(numbers: readonly number[]): number {
    const at = this.#constants.length;
    for (const number of numbers) this.#constants.push(number);
    return at;
  }

  forest(program: Uint8Array): number {
    return this.#forests.push(program) - 1;
  }

  /** An output of the graph; false where it is not what the signature says. Text labels become indices into the classes. */
  give(name: string, column: number, width: number, classes: Label[]): boolean {
    let value = this.#values.get(name);
    if (!value || value.width !== width || value.type === 'text') return false;
    // A whole number that only passes through may have more digits than a step computes with.
    if (value.type === 'integer' && !value.labels) return false;
    if (value.labels) {
      const labels = value.labels.map((label) =>
        typeof label === 'string' ? classes.indexOf(label) : label,
      );
      const number = this.new(1, 'integer');
      value = this.step('lookUp', value, number, { at: this.keep(labels) });
    }
    this.#outputs.push({ value: value.index, column });
    return true;
  }

  plan(): Planned | null {
    if (this.#constants.length > mostConstants) return null;
    if (this.#widths.reduce((sum, width) => sum + width, 0) > mostWidth) return null;
    return {
      typical: this.#typical,
      widths: this.#widths,
      steps: this.#steps,
      outputs: this.#outputs,
      constants: Float64Array.from(this.#constants),
      forests: this.#forests,
    };
  }
}
