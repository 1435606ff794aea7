import type { Datatype, Feature, TensorSpec } from '../../../signature.ts';
import { labelsOf } from '../classes.ts';
import { elements, numbersOf } from '../constants.ts';
import type { OnnxGraph, OnnxNode, OnnxTensor } from '../graph.ts';
import { type Dims, sizeOf } from './dims.ts';
import type { Plan, Step } from './plan.ts';

type Label = string | number;
/** What is said of a step besides its values. */
type Said<Of> = Of extends Step ? Omit<Of, 'op' | 'from' | 'to' | 'double'> : never;

/**
 * A tensor of the graph on its way through a plan: `width` numbers a row, of the shape `dims`. Where there are `labels`
 * the number is an index into them.
 */
export interface Value {
  index: number;
  width: number;
  dims: Dims;
  type: 'float' | 'double' | 'integer' | 'boolean' | 'text' | 'label';
  labels?: Label[];
  /** The frame's column that each number is, where it is one as it stands; else -1. */
  columns?: number[];
}

/** A tensor that is known before any row is; its dimensions are all of it, rows or none. */
export interface Constant {
  numbers: number[];
  dims: Dims;
  isDouble: boolean;
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
  readonly #stacks = new Map<string, Value[]>();
  readonly #shapes = new Map<string, number[]>();
  readonly #folded = new Map<string, Constant>();
  readonly #widths: number[] = [];
  readonly #steps: Step[] = [];
  readonly #outputs: Plan['outputs'] = [];
  readonly #constants: number[] = [];
  readonly #forests: (() => Uint8Array)[] = [];
  readonly #typical = new Map<number, number[]>();

  #hasLongs = false;
  #width = 0;

  readonly #features: Feature[];

  constructor(graph: OnnxGraph, features: Feature[]) {
    this.#features = features;
    this.#initializers = new Map(graph.initializers.map((tensor) => [tensor.name, tensor]));
  }

  /** An input of the graph; false for types that are not compiled. */
  take({ name, datatype, shape, column, width }: TensorSpec): boolean {
    const type = types[datatype];
    if (!type) return false;
    this.#hasLongs ||= datatype === 'INT64';
    const columns = Array.from({ length: width }, (_, i) => column + i);
    const value = this.new(shape.slice(1), type, { columns });
    this.#steps.push({ op: 'take', to: value.index, column, datatype, input: name });
    this.#values.set(name, value);
    return true;
  }

  /** A node's input that is computed; null where it is a constant or absent. */
  input(node: OnnxNode, i = 0): Value | null {
    return this.#values.get(node.inputs[i] ?? '') ?? null;
  }

  /** A node's input that has layers of rows, [layers, rows, …]: a value each; null where it has none. */
  stack(node: OnnxNode, i: number): Value[] | null {
    return this.#stacks.get(node.inputs[i] ?? '') ?? null;
  }

  /** A node's input that is a shape, as Reshape takes it: 0 for the rows. */
  shape(node: OnnxNode, i: number): number[] | null {
    return this.#shapes.get(node.inputs[i] ?? '') ?? null;
  }

  /** A node's input that is a constant of numbers. */
  constant(node: OnnxNode, i: number): Constant | null {
    const name = node.inputs[i] ?? '';
    const tensor = this.#initializers.get(name);
    const numbers = tensor ? numbersOf(tensor) : null;
    if (!numbers) return this.#folded.get(name) ?? null;
    return { numbers, dims: tensor!.dims, isDouble: tensor!.type === elements.double };
  }

  /** A node's input, whichever it is. */
  operand(node: OnnxNode, i: number): Value | Constant | null {
    return this.input(node, i) ?? this.constant(node, i);
  }

  /** A node's input that is a constant list of labels. */
  labels(node: OnnxNode, i: number): Label[] {
    const tensor = this.#initializers.get(node.inputs[i] ?? '');
    return tensor ? labelsOf(tensor) : [];
  }

  addConstant(name: string, tensor: OnnxTensor): void {
    this.#initializers.set(name, { ...tensor, name });
  }

  /** Throws RangeError where all values together are too wide. */
  new(shape: number | Dims, type: Value['type'], more: Pick<Value, 'labels' | 'columns'> = {}): Value {
    const dims = typeof shape === 'number' ? [shape] : shape;
    const width = sizeOf(dims);
    this.#width += width;
    if (!(this.#width <= mostWidth)) throw new RangeError(`a row makes more than ${mostWidth} numbers`);
    return { index: this.#widths.push(width) - 1, width, dims, type, ...more };
  }

  /** A constant, the same in every row. */
  fill({ numbers, dims, isDouble }: Constant): Value {
    const to = this.new(dims, isDouble ? 'double' : 'float');
    this.#steps.push({ op: 'fill', at: this.keep(numbers), to: to.index });
    return to;
  }

  /** The numbers that labels are; the value itself where there are none. Null for texts. */
  numbers(value: Value): Value | null {
    const { labels, type, dims } = value;
    if (!labels) return type === 'text' ? null : value;
    if (!labels.every((label) => typeof label === 'number')) return null;
    const to = this.new(dims, type === 'label' ? 'integer' : type);
    return this.step('lookUp', value, to, { at: this.keep(labels) });
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

  /** Plans a step that makes one value of another, in double precision where that is double, and gives it back. */
  step<Op extends Step['op']>(op: Op, from: Value, to: Value, more: Said<Extract<Step, { op: Op }>>): Value {
    const precision = to.type === 'double' ? { double: true } : {};
    this.#steps.push({ op, from: from.index, to: to.index, ...more, ...precision } as unknown as Step);
    return to;
  }

  concat(values: Value[], dims: Dims): Value {
    const columns = values.flatMap((one) => one.columns ?? Array.from({ length: one.width }, () => -1));
    const to = this.new(dims, values[0]!.type, { columns });
    this.#steps.push({ op: 'concat', from: values.map(({ index }) => index), to: to.index });
    return to;
  }

  /** The numbers of some places of a value. */
  pick(value: Value, columns: number[], dims: Dims): Value {
    const to = this.new(dims, value.type, { columns: columns.map((i) => value.columns?.[i] ?? -1) });
    return this.step('pick', value, to, { columns });
  }

  /** Names a constant that a node gives; always true. */
  fold(node: OnnxNode, constant: Constant): true {
    this.#folded.set(node.outputs[0] ?? '', constant);
    return true;
  }

  /** Names what a node gives; always true, so that an operator may end with it. */
  set(node: OnnxNode, value: Value, output = 0): true {
    const name = node.outputs[output];
    if (name) this.#values.set(name, value);
    return true;
  }

  /** Names what a node gives where that has layers of rows; always true. */
  setStack(node: OnnxNode, layers: Value[]): true {
    this.#stacks.set(node.outputs[0] ?? '', layers);
    return true;
  }

  /** Names a shape; false where the rows stand elsewhere than first. */
  setShape(node: OnnxNode, sizes: number[]): boolean {
    this.#shapes.set(node.outputs[0] ?? '', sizes);
    return !sizes.includes(0, 1);
  }

  /** The address of constants. Throws RangeError for too many. */
  keep(numbers: readonly number[]): number {
    const at = this.#constants.length;
    if (at + numbers.length > mostConstants) throw new RangeError(`more than ${mostConstants} constants`);
    for (const number of numbers) this.#constants.push(number);
    return at;
  }

  /** The number of a forest, which is compiled once the whole graph is planned. */
  forest(compile: () => Uint8Array): number {
    return this.#forests.push(compile) - 1;
  }

  /** An output of the graph; false where it is not what the signature says. Text labels become indices into the classes. */
  give(name: string, column: number, width: number, classes: Label[]): boolean {
    let value = this.#values.get(name);
    if (!value || value.width !== width || value.type === 'text') return false;
    // A whole number that only passes through may have more digits than a step computes with.
    if (value.type === 'integer' && !value.labels && this.#hasLongs) return false;
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

  plan(): Planned {
    return {
      typical: this.#typical,
      widths: this.#widths,
      steps: neededFor(this.#outputs, this.#steps),
      outputs: this.#outputs,
      constants: Float64Array.from(this.#constants),
      forests: this.#forests.map((compile) => compile()),
    };
  }
}

/** The steps that outputs are made by: a classifier's labels, for one, are often left aside. */
function neededFor(outputs: Plan['outputs'], steps: Step[]): Step[] {
  const needed = new Set(outputs.map(({ value }) => value));
  const kept = steps.toReversed().filter((step) => {
    if (!needed.has(step.to)) return false;
    for (const value of readBy(step)) needed.add(value);
    return true;
  });
  return kept.toReversed();
}

function readBy(step: Step): number[] {
  const from = 'from' in step ? step.from : [];
  const others = 'with' in step ? step.with : step.op === 'choose' ? [step.yes, step.no] : [];
  return [from, others].flat();
}
