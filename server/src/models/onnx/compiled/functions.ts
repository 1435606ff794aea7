/**
 * What onnxruntime makes of numbers, in float32; booleans are 0 and 1. Each has a loop of its own: one loop that called
 * a function for each number would take fifteen times as long.
 */

const { abs, exp, fround, log, max, min, sign, sqrt, trunc } = Math;

export type Loop1 = (x: Float64Array, to: Float64Array, count: number) => void;
export type Loop2 = (x: Float64Array, y: Float64Array, to: Float64Array, count: number) => void;

export const unary = {
  round: (x, to, count) => {
    for (let k = 0; k < count; k++) to[k] = fround(x[k]!);
  },
  truncate: (x, to, count) => {
    for (let k = 0; k < count; k++) to[k] = truncated(x[k]!, 2 ** 63);
  },
  truncateTo32: (x, to, count) => {
    for (let k = 0; k < count; k++) to[k] = truncated(x[k]!, 2 ** 31);
  },
  sign: (x, to, count) => {
    for (let k = 0; k < count; k++) to[k] = sign(x[k]!);
  },
  absolute: (x, to, count) => {
    for (let k = 0; k < count; k++) to[k] = abs(x[k]!);
  },
  negate: (x, to, count) => {
    for (let k = 0; k < count; k++) to[k] = -x[k]!;
  },
  squareRoot: (x, to, count) => {
    for (let k = 0; k < count; k++) to[k] = fround(sqrt(x[k]!));
  },
  exponential: (x, to, count) => {
    for (let k = 0; k < count; k++) to[k] = fround(exp(x[k]!));
  },
  logarithm: (x, to, count) => {
    for (let k = 0; k < count; k++) to[k] = fround(log(x[k]!));
  },
  reciprocal: (x, to, count) => {
    for (let k = 0; k < count; k++) to[k] = fround(1 / x[k]!);
  },
  isMissing: (x, to, count) => {
    for (let k = 0; k < count; k++) to[k] = Number.isNaN(x[k]!) ? 1 : 0;
  },
  isTrue: (x, to, count) => {
    for (let k = 0; k < count; k++) to[k] = x[k] === 0 ? 0 : 1;
  },
  not: (x, to, count) => {
    for (let k = 0; k < count; k++) to[k] = 1 - x[k]!;
  },
} satisfies Record<string, Loop1>;

/** The last two are for constants that come first. */
export const binary = {
  add: (x, y, to, count) => {
    for (let k = 0; k < count; k++) to[k] = fround(x[k]! + y[k]!);
  },
  subtract: (x, y, to, count) => {
    for (let k = 0; k < count; k++) to[k] = fround(x[k]! - y[k]!);
  },
  multiply: (x, y, to, count) => {
    for (let k = 0; k < count; k++) to[k] = fround(x[k]! * y[k]!);
  },
  divide: (x, y, to, count) => {
    for (let k = 0; k < count; k++) to[k] = fround(x[k]! / y[k]!);
  },
  power: (x, y, to, count) => {
    for (let k = 0; k < count; k++) to[k] = power(x[k]!, y[k]!);
  },
  greatest: (x, y, to, count) => {
    for (let k = 0; k < count; k++) to[k] = max(x[k]!, y[k]!);
  },
  least: (x, y, to, count) => {
    for (let k = 0; k < count; k++) to[k] = min(x[k]!, y[k]!);
  },
  less: (x, y, to, count) => {
    for (let k = 0; k < count; k++) to[k] = x[k]! < y[k]! ? 1 : 0;
  },
  lessOrEqual: (x, y, to, count) => {
    for (let k = 0; k < count; k++) to[k] = x[k]! <= y[k]! ? 1 : 0;
  },
  greater: (x, y, to, count) => {
    for (let k = 0; k < count; k++) to[k] = x[k]! > y[k]! ? 1 : 0;
  },
  greaterOrEqual: (x, y, to, count) => {
    for (let k = 0; k < count; k++) to[k] = x[k]! >= y[k]! ? 1 : 0;
  },
  equal: (x, y, to, count) => {
    for (let k = 0; k < count; k++) to[k] = x[k] === y[k] ? 1 : 0;
  },
  and: (x, y, to, count) => {
    for (let k = 0; k < count; k++) to[k] = x[k]! * y[k]!;
  },
  or: (x, y, to, count) => {
    for (let k = 0; k < count; k++) to[k] = max(x[k]!, y[k]!);
  },
  subtractFrom: (x, y, to, count) => {
    for (let k = 0; k < count; k++) to[k] = fround(y[k]! - x[k]!);
  },
  divideInto: (x, y, to, count) => {
    for (let k = 0; k < count; k++) to[k] = fround(y[k]! / x[k]!);
  },
} satisfies Record<string, Loop2>;

/** A cast to integers below a bound; what they do not hold, and NaN, becomes the least of them. */
function truncated(x: number, bound: number): number {
  return abs(x) < bound ? trunc(x) : -bound;
}

/** Squares and cubes are products there. */
function power(x: number, y: number): number {
  if (y === 2) return fround(x * x);
  return y === 3 ? fround(fround(x * x) * x) : fround(x ** y);
}
