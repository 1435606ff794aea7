import { binaryLoop, unaryLoop } from './functions-double.ts';
import type { OfOne, OfTwo, Step } from './plan.ts';
import { reductions, reductionsOfDoubles } from './reductions.ts';
import type { Run, Space } from './space.ts';

type Of<Op extends Step['op']> = Extract<Step, { op: Op }>;

export function ofOne({ op, from, to, double }: Of<OfOne>, { values, widths }: Space): Run {
  const [source, target, width] = [values[from]!, values[to]!, widths[to]!];
  const loop = unaryLoop(op, double);
  return (rows) => loop(source, target, rows * width);
}

/** Of two numbers: the second is a constant, or another value's. */
export function ofTwo(step: Of<OfTwo>, space: Space): Run {
  const { values, widths } = space;
  const [source, target, width] = [values[step.from]!, values[step.to]!, widths[step.to]!];
  const loop = binaryLoop(step.op, step.double);
  const other = 'at' in step ? everyRow(step.at, step.to, space) : values[step.with]!;
  return (rows) => loop(source, other, target, rows * width);
}

/** Constants, the same in each row of a block. */
export function everyRow(at: number, to: number, { values, widths, constants }: Space): Float64Array {
  const width = widths[to]!;
  return Float64Array.from(values[to]!, (_, k) => constants[at + (k % width)]!);
}

export function reduce({ from, to, by, double }: Of<'reduce'>, { values, widths }: Space): Run {
  const [source, target, width] = [values[from]!, values[to]!, widths[to]!];
  const loop = double ? reductionsOfDoubles[by] : reductions[by];
  const size = widths[from]! / width;
  return (rows) => loop(source, target, rows * width, size);
}

export function choose({ from, to, yes, no }: Of<'choose'>, { values, widths }: Space): Run {
  const [source, target, width] = [values[from]!, values[to]!, widths[to]!];
  const [first, second] = [values[yes]!, values[no]!];
  return (rows) => {
    for (let k = 0; k < rows * width; k++) target[k] = source[k] === 0 ? second[k]! : first[k]!;
  };
}

/** Constants where a number is one that is replaced (null: NaN). */
export function impute(step: Of<'impute'>, space: Space): Run {
  const { values, widths } = space;
  const [source, target, width] = [values[step.from]!, values[step.to]!, widths[step.to]!];
  const other = everyRow(step.at, step.to, space);
  const { replaced } = step;
  if (replaced === null)
    return (rows) => {
      for (let k = 0; k < rows * width; k++) target[k] = Number.isNaN(source[k]!) ? other[k]! : source[k]!;
    };
  return (rows) => {
    for (let k = 0; k < rows * width; k++) target[k] = source[k] === replaced ? other[k]! : source[k]!;
  };
}

export function exceeds({ from, to, threshold }: Of<'exceeds'>, { values, widths }: Space): Run {
  const [source, target, width] = [values[from]!, values[to]!, widths[to]!];
  return (rows) => {
    for (let k = 0; k < rows * width; k++) target[k] = source[k]! > threshold ? 1 : 0;
  };
}
