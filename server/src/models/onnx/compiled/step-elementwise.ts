import { binary, reductions, unary } from './functions.ts';
import type { OfOne, OfTwo, Step } from './plan.ts';
import type { Run, Space } from './space.ts';

/** A step that makes each number of the one before it, `column` being its place in the row. */
export function each(one: (x: number, column: number) => number) {
  return ({ from, to }: { from: number; to: number }, { values, widths }: Space): Run => {
    const [source, target, width] = [values[from]!, values[to]!, widths[to]!];
    return (rows) => {
      for (let row = 0, k = 0; row < rows; row++)
        for (let column = 0; column < width; column++, k++) target[k] = one(source[k]!, column);
    };
  };
}

/** Of two numbers: the second is a constant for each column, or another value's. */
function ofTwo(one: (x: number, y: number) => number) {
  return (step: Extract<Step, { op: OfTwo }>, space: Space): Run => {
    if ('at' in step) return each((x, column) => one(x, space.constants[step.at + column]!))(step, space);
    const { values, widths } = space;
    const [source, other, target, width] = [
      values[step.from]!,
      values[step.with]!,
      values[step.to]!,
      widths[step.to]!,
    ];
    return (rows) => {
      for (let k = 0; k < rows * width; k++) target[k] = one(source[k]!, other[k]!);
    };
  };
}

function reduce({ from, to, by }: Extract<Step, { op: 'reduce' }>, { values, widths }: Space): Run {
  const [source, target, width, one] = [values[from]!, values[to]!, widths[to]!, reductions[by]];
  const group = widths[from]! / width;
  return (rows) => {
    for (let k = 0; k < rows * width; k++) target[k] = one(source, k * group, group);
  };
}

function choose({ from, to, yes, no }: Extract<Step, { op: 'choose' }>, { values, widths }: Space): Run {
  const [source, target, width] = [values[from]!, values[to]!, widths[to]!];
  const [first, second] = [values[yes]!, values[no]!];
  return (rows) => {
    for (let k = 0; k < rows * width; k++) target[k] = source[k] === 0 ? second[k]! : first[k]!;
  };
}

const made = <Name extends string, From, To>(table: Record<Name, From>, make: (one: From) => To) =>
  Object.fromEntries(Object.entries(table).map(([name, one]) => [name, make(one as From)])) as Record<
    Name,
    To
  >;

export const elementwise = {
  ...made<OfOne, (x: number) => number, ReturnType<typeof each>>(unary, (one) => each((x) => one(x))),
  ...made<OfTwo, (x: number, y: number) => number, ReturnType<typeof ofTwo>>(binary, ofTwo),
  reduce,
  choose,
};
