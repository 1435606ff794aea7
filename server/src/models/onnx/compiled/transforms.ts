import type { Plan } from './plan.ts';

/**
 * What onnxruntime makes of scores, in float32 as it does it (`ml_common.h`, and MLAS for whole batches): each writes
 * over `values[from … from + count)`. A result of one minus what is nearly one keeps few digits, so the
 * roundings on the way to it are part of the answer.
 */
type By = Extract<Plan['steps'][number], { op: 'transform' }>['by'];
type Rewrite = (values: Float64Array, from: number, count: number) => void;

const { abs, exp, fround, max, min } = Math;

export const transforms: Record<By, Rewrite> = {
  NONE: () => {},
  LOGISTIC: each(logistic),
  SIGMOID: each(sigmoid),
  SOFTMAX: softmax,
  SOFTMAX_ZERO: softmaxZero,
};

function each(one: (x: number) => number): Rewrite {
  return (values, from, count) => {
    for (let k = from; k < from + count; k++) values[k] = one(values[k]!);
  };
}

/** `ComputeLogistic`. */
export function logistic(x: number): number {
  const v = fround(1 / fround(1 + fround(exp(-abs(x)))));
  return x < 0 ? fround(1 - v) : v;
}

/** `MlasComputeLogistic`: x·P(x²)/Q(x²) + ½ by fused multiply-adds; a product of two float32 is exact in float64. */
export function sigmoid(x: number): number {
  if (Number.isNaN(x)) return x;
  const v = max(-18, min(18, x));
  const s = fround(v * v);
  let p = fround(s * alpha[0]! + alpha[1]!);
  for (let k = 2; k < alpha.length; k++) p = fround(p * s + alpha[k]!);
  p = fround(p * v);
  let q = fround(s * beta[0]! + beta[1]!);
  for (let k = 2; k < beta.length; k++) q = fround(q * s + beta[k]!);
  return max(0, min(1, fround(fround(p / q) + 0.5)));
}

const alpha = [
  4.37031012579801e-11, 1.15627324459942e-7, 6.08574864600143e-5, 8.51377133304701e-3, 2.48287947061529e-1,
].map(fround);
const beta = [
  6.10247389755681e-13, 5.76102136993427e-9, 6.2910678501704e-6, 1.70198817374094e-3, 1.16817656904453e-1,
  9.9315192102318e-1,
].map(fround);

/** Operators of the standard domain in double precision. */
export const transformsOfDoubles: Record<By, Rewrite> = {
  ...transforms,
  SIGMOID: each((x) => (x < 0 ? 1 - 1 / (1 + exp(x)) : 1 / (1 + exp(-x)))),
  SOFTMAX: (values, from, count) => {
    const greatest = greatestOf(values, from, count);
    let sum = 0;
    for (let k = from; k < from + count; k++) sum += values[k] = exp(values[k]! - greatest);
    for (let k = from; k < from + count; k++) values[k]! /= sum;
  },
};

function softmax(values: Float64Array, from: number, count: number): void {
  const greatest = greatestOf(values, from, count);
  let sum = 0;
  for (let k = from; k < from + count; k++) {
    values[k] = fround(exp(fround(values[k]! - greatest)));
    sum = fround(sum + values[k]!);
  }
  for (let k = from; k < from + count; k++) values[k] = fround(values[k]! / sum);
}

/** `ComputeSoftmaxZero`: a score of zero stays nearly zero. */
function softmaxZero(values: Float64Array, from: number, count: number): void {
  const greatest = greatestOf(values, from, count);
  const factor = fround(exp(-greatest));
  let sum = 0;
  for (let k = from; k < from + count; k++) {
    if (abs(values[k]!) > fround(1e-7)) {
      values[k] = fround(exp(fround(values[k]! - greatest)));
      sum = fround(sum + values[k]!);
    } else values[k] = fround(values[k]! * factor);
  }
  for (let k = from; k < from + count; k++) values[k] = fround(values[k]! / sum);
}

function greatestOf(values: Float64Array, from: number, count: number): number {
  let greatest = -3.4028234663852886e38;
  for (let k = from; k < from + count; k++) if (values[k]! > greatest) greatest = values[k]!;
  return greatest;
}
