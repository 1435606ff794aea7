/** From a row's sums to its answer, as the training libraries' objectives do it. */
export interface Link {
  kind: (typeof linkKinds)[number];
  /** `float32`: every step is rounded to float32, as XGBoost's `PredTransform` does it. */
  precision: 'float64' | 'float32';
  /** Factor inside the sigmoid; 1 for others. */
  scale: number;
  /** Each sum is first divided by this: the rounds of an averaged forest, else 1. */
  divisor: number;
}

/**
 * In this order in programs: append only. `squared` is sign(m)·m²; `step` is 1 above 0; `argmax` is the index of the
 * greatest sum (of equals the first), then the softmax; `logit` is the sums themselves, then the sigmoid of each.
 */
export const linkKinds = [
  'raw',
  'sigmoid',
  'softmax',
  'exp',
  'squared',
  'log1pexp',
  'step',
  'argmax',
  'logit',
] as const;

/** How many answers a link makes of so many sums. */
export function answersOf(kind: Link['kind'], sums: number): number {
  return kind === 'argmax' ? sums + 1 : kind === 'logit' ? 2 * sums : sums;
}

/** Turns `count` sums beginning at `from` into answers, from `to` on. */
export function applyLink(
  link: Link,
  sums: Float64Array,
  from: number,
  answers: Float64Array,
  to: number,
  count: number,
): void {
  const { kind } = link;
  const round = link.precision === 'float32' ? Math.fround : asItIs;
  for (let k = 0; k < count; k++) answers[to + k] = sums[from + k]! / link.divisor;
  if (kind === 'raw') return;
  if (kind === 'softmax') softmax(answers, to, count, round);
  else if (kind === 'argmax') {
    const greatest = indexOfGreatest(answers, to, count);
    answers.copyWithin(to + 1, to, to + count);
    answers[to] = greatest;
    softmax(answers, to + 1, count, round);
  } else if (kind === 'logit') {
    for (let k = to; k < to + count; k++) answers[k + count] = sigmoid(link.scale * answers[k]!, round);
  } else for (let k = to; k < to + count; k++) answers[k] = one(link, answers[k]!, round);
}

type Round = (x: number) => number;
const asItIs: Round = (x) => x;

function one({ kind, scale }: Link, margin: number, round: Round): number {
  switch (kind) {
    case 'sigmoid':
      return sigmoid(scale * margin, round);
    case 'exp':
      return round(Math.exp(margin));
    case 'squared':
      return Math.sign(margin) * margin * margin;
    case 'log1pexp':
      return Math.log1p(Math.exp(margin));
    case 'step':
      return margin > 0 ? 1 : 0;
    default:
      return margin;
  }
}

/** XGBoost keeps e^-m within float32 (`Sigmoid` in its math.h). */
const mostExponent = Math.fround(88.7);

function sigmoid(margin: number, round: Round): number {
  const exponent = round === Math.fround ? Math.min(-margin, mostExponent) : -margin;
  return round(1 / round(1 + round(Math.exp(exponent))));
}

function indexOfGreatest(values: Float64Array, from: number, count: number): number {
  let greatest = 0;
  for (let k = 1; k < count; k++) if (values[from + k]! > values[from + greatest]!) greatest = k;
  return greatest;
}

function softmax(values: Float64Array, from: number, count: number, round: Round): void {
  const greatest = values[from + indexOfGreatest(values, from, count)]!;
  let sum = 0;
  for (let k = 0; k < count; k++) {
    const e = round(Math.exp(round(values[from + k]! - greatest)));
    values[from + k] = e;
    sum += e;
  }
  const divisor = round(sum);
  for (let k = 0; k < count; k++) values[from + k] = round(values[from + k]! / divisor);
}
