/** What onnxruntime makes of each number, in float32; booleans are 0 and 1. Pure. */

const { abs, exp, fround, log, max, min, sqrt, trunc } = Math;
const truth = (is: boolean): number => (is ? 1 : 0);

/** A cast to integers of so many bits; what they do not hold, and NaN, becomes the least. */
const truncated = (bits: number) => (x: number) => (abs(x) < 2 ** (bits - 1) ? trunc(x) : -(2 ** (bits - 1)));

export const unary = {
  round: fround,
  truncate: truncated(64),
  truncateTo32: truncated(32),
  sign: Math.sign,
  absolute: abs,
  negate: (x: number) => -x,
  squareRoot: (x: number) => fround(sqrt(x)),
  exponential: (x: number) => fround(exp(x)),
  logarithm: (x: number) => fround(log(x)),
  reciprocal: (x: number) => fround(1 / x),
  isMissing: (x: number) => truth(Number.isNaN(x)),
  isTrue: (x: number) => truth(x !== 0),
  not: (x: number) => 1 - x,
};

/** Of two numbers; the last two are for constants that come first. */
export const binary = {
  add: (x: number, y: number) => fround(x + y),
  subtract: (x: number, y: number) => fround(x - y),
  multiply: (x: number, y: number) => fround(x * y),
  divide: (x: number, y: number) => fround(x / y),
  power: (x: number, y: number) =>
    y === 2 ? fround(x * x) : y === 3 ? fround(fround(x * x) * x) : fround(x ** y),
  greatest: (x: number, y: number) => max(x, y),
  least: (x: number, y: number) => min(x, y),
  less: (x: number, y: number) => truth(x < y),
  lessOrEqual: (x: number, y: number) => truth(x <= y),
  greater: (x: number, y: number) => truth(x > y),
  greaterOrEqual: (x: number, y: number) => truth(x >= y),
  equal: (x: number, y: number) => truth(x === y),
  and: (x: number, y: number) => x * y,
  or: (x: number, y: number) => max(x, y),
  subtractFrom: (x: number, y: number) => fround(y - x),
  divideInto: (x: number, y: number) => fround(y / x),
};

/** Of a group of numbers, `values[from … from + count)`. */
export const reductions = {
  sum: (values: Float64Array, from: number, count: number) =>
    folded(values, from, count, 0, (sum, x) => fround(sum + x)),
  mean: (values: Float64Array, from: number, count: number) =>
    fround(reductions.sum(values, from, count) / count),
  product: (values: Float64Array, from: number, count: number) =>
    folded(values, from, count, 1, (product, x) => fround(product * x)),
  greatest: (values: Float64Array, from: number, count: number) =>
    folded(values, from, count, Number.NEGATIVE_INFINITY, max),
  least: (values: Float64Array, from: number, count: number) =>
    folded(values, from, count, Number.POSITIVE_INFINITY, min),
  squares: (values: Float64Array, from: number, count: number) =>
    folded(values, from, count, 0, (sum, x) => fround(sum + fround(x * x))),
  /** log Σ exp(x), the greatest taken out before. */
  logSumExp(values: Float64Array, from: number, count: number): number {
    const greatest = reductions.greatest(values, from, count);
    const known = Number.isFinite(greatest) ? greatest : 0;
    const sum = folded(values, from, count, 0, (sum, x) => fround(sum + fround(exp(fround(x - known)))));
    return fround(fround(log(sum)) + known);
  },
};

function folded(
  values: Float64Array,
  from: number,
  count: number,
  first: number,
  next: (so: number, x: number) => number,
): number {
  let so = first;
  for (let k = from; k < from + count; k++) so = next(so, values[k]!);
  return so;
}
