import type { OnnxNode } from '../graph.ts';
import { floats } from './attributes.ts';
import { ofRows, sizeOf, spread, together } from './dims.ts';
import { binaryLoop, unaryLoop } from './functions-double.ts';
import type { PlanNode } from './operators.ts';
import type { OfOne, OfTwo } from './plan.ts';
import type { Constant, Planner, Value } from './planner.ts';

type Operand = Value | Constant;
type Type = Value['type'];

const isConstant = (operand: Operand): operand is Constant => 'numbers' in operand;

/** What operators take, and what they give if it is not the same. */
interface Rule {
  of: Type[];
  gives?: Type;
}
export const reals: Rule = { of: ['float', 'double'] };
export const questions: Rule = { of: ['float', 'double', 'integer'], gives: 'boolean' };
export const truths: Rule = { of: ['boolean'] };

/** The same question, or computation, with its operands turned. */
const turned: Partial<Record<OfTwo, OfTwo>> = {
  add: 'add',
  multiply: 'multiply',
  subtract: 'subtractFrom',
  divide: 'divideInto',
  greatest: 'greatest',
  least: 'least',
  less: 'greater',
  greater: 'less',
  lessOrEqual: 'greaterOrEqual',
  greaterOrEqual: 'lessOrEqual',
  equal: 'equal',
  and: 'and',
  or: 'or',
};

/** A function of each number. */
export function ofOne(op: OfOne, { of, gives }: Rule = reals): PlanNode {
  return (node, planner) => {
    const constant = planner.constant(node, 0);
    if (constant) {
      const numbers = Float64Array.from(constant.numbers);
      unaryLoop(op, constant.isDouble)(numbers, numbers, numbers.length);
      return planner.fold(node, { ...constant, numbers: [...numbers] });
    }
    const given = planner.input(node);
    const x = given && planner.numbers(given);
    if (!x || !of.includes(x.type)) return false;
    return planner.set(node, planner.step(op, x, planner.new(x.dims, gives ?? x.type), {}));
  };
}

/** A function of numbers that stand in the same place, one after the other where there are not two. */
export function ofTwo(op: OfTwo, rule: Rule = reals): PlanNode {
  return (node, planner) => {
    const [first, ...others] = node.inputs.map((_, i) => planner.operand(node, i));
    let result = first ?? null;
    if (node.attributes.size > 0) return false;
    for (const other of others) result = result && other && combined(op, result, other, rule, planner);
    if (!result) return false;
    return isConstant(result) ? planner.fold(node, result) : planner.set(node, result);
  };
}

function combined(op: OfTwo, a: Operand, b: Operand, rule: Rule, planner: Planner): Operand | null {
  if (isConstant(a) && isConstant(b)) return folded(op, a, b);
  if (isConstant(a)) {
    const other = turned[op];
    const x = other ? null : filled(a, b as Value, planner);
    return other ? combined(other, b, a, rule, planner) : x && combined(op, x, b, rule, planner);
  }
  const x = planner.numbers(a);
  if (!x || !rule.of.includes(x.type)) return null;
  if (isConstant(b)) {
    const given = ofRows(b.dims, x.dims.length);
    const dims = given && together(x.dims, given);
    if (!dims) return null;
    const to = planner.new(dims, rule.gives ?? x.type);
    const numbers = spread(given, dims).map((i) => b.numbers[i]!);
    const wide = widened(x, dims, planner);
    for (const [i, number] of numbers.entries()) planner.typical(wide, i, [number]);
    return planner.step(op, wide, to, { at: planner.keep(numbers) });
  }
  const y = planner.numbers(b);
  const dims = y && together(x.dims, y.dims);
  if (!dims || y.type !== x.type) return null;
  const to = planner.new(dims, rule.gives ?? x.type);
  const other = widened(y, dims, planner).index;
  return planner.step(op, widened(x, dims, planner), to, { with: other });
}

function folded(op: OfTwo, a: Constant, b: Constant): Constant | null {
  const rank = Math.max(a.dims.length, b.dims.length);
  const [one, other] = [a, b].map(({ dims }) => [
    ...Array.from({ length: rank - dims.length }, () => 1),
    ...dims,
  ]) as [number[], number[]];
  const dims = together(one, other);
  if (!dims || sizeOf(dims) > mostFolded) return null;
  const x = Float64Array.from(spread(one, dims), (i) => a.numbers[i]!);
  const y = Float64Array.from(spread(other, dims), (i) => b.numbers[i]!);
  binaryLoop(op, a.isDouble)(x, y, x, x.length);
  return { dims, numbers: [...x], isDouble: a.isDouble };
}

/** Constants made of constants are small: they stand for how an exporter writes a formula. */
const mostFolded = 2 ** 18;

/** A constant as a value that may stand beside another. */
function filled(constant: Constant, beside: Value, planner: Planner): Value | null {
  const dims = ofRows(constant.dims, beside.dims.length);
  return dims && planner.fill({ ...constant, dims });
}

function widened(x: Value, dims: readonly number[], planner: Planner): Value {
  return sizeOf(dims) === x.width ? { ...x, dims } : planner.pick(x, spread(x.dims, dims), dims);
}

/** Where: one of two values by a third. */
export function planWhere(node: OnnxNode, planner: Planner): boolean {
  const condition = planner.input(node);
  if (condition?.type !== 'boolean') return false;
  const [yes, no] = [1, 2].map((i) => {
    const operand = planner.operand(node, i);
    return operand && (isConstant(operand) ? filled(operand, condition, planner) : planner.numbers(operand));
  });
  const two = yes && no && yes.type === no.type && together(yes.dims, no.dims);
  const dims = two && together(two, condition.dims);
  if (!dims) return false;
  const to = planner.new(dims, yes.type);
  const more = { yes: widened(yes, dims, planner).index, no: widened(no, dims, planner).index };
  return planner.set(node, planner.step('choose', widened(condition, dims, planner), to, more));
}

/** Between two bounds: inputs, or attributes as before opset 11. */
export function planClip(node: OnnxNode, planner: Planner): boolean {
  const x = planner.input(node);
  if (x?.type !== 'float' && x?.type !== 'double' && x?.type !== 'integer') return false;
  const rule: Rule = { of: [x.type] };
  let value: Operand | null = x;
  for (const [i, name, op] of [
    [1, 'min', 'greatest'],
    [2, 'max', 'least'],
  ] as const) {
    const given = floats(node, name);
    const isGiven = given.length > 0 || (node.inputs[i] ?? '') !== '';
    const bound: Constant | null =
      given.length > 0 ? { numbers: given, dims: [], isDouble: false } : planner.constant(node, i);
    if (isGiven) value = value && bound && combined(op, value, bound, rule, planner);
  }
  return value !== null && planner.set(node, value as Value);
}

/** 1 for what is above a threshold, else 0. */
export function planBinarizer(node: OnnxNode, planner: Planner): boolean {
  const x = planner.input(node);
  if (x?.type !== 'float') return false;
  const threshold = floats(node, 'threshold')[0] ?? 0;
  for (let i = 0; i < x.width; i++) planner.typical(x, i, [threshold]);
  return planner.set(node, planner.step('exceeds', x, planner.new(x.dims, 'float'), { threshold }));
}
