/** From a row's sums to its answer, as LightGBM's objectives do it (`ConvertOutput`). */
export interface Link {
  kind: (typeof linkKinds)[number];
  /** Factor inside the sigmoid; 1 for others. */
  scale: number;
  /** Each sum is first divided by this: the rounds of an averaged forest, else 1. */
  divisor: number;
}

/** In this order in programs: append only. `squared` is sign(m)·m². */
export const linkKinds = ['raw', 'sigmoid', 'softmax', 'exp', 'squared', 'log1pexp'] as const;

/** Turns `count` sums beginning at `from` into answers, from `to` on. Sums and answers may be the same array. */
export function applyLink(
  link: Link,
  sums: Float64Array,
  from: number,
  answers: Float64Array,
  to: number,
  count: number,
): void {
  for (let k = 0; k < count; k++) answers[to + k] = sums[from + k]! / link.divisor;
  if (link.kind === 'softmax') softmax(answers, to, count);
  else if (link.kind !== 'raw') for (let k = to; k < to + count; k++) answers[k] = one(link, answers[k]!);
}

function one({ kind, scale }: Link, margin: number): number {
  switch (kind) {
    case 'sigmoid':
      return 1 / (1 + Math.exp(-scale * margin));
    case 'exp':
      return Math.exp(margin);
    case 'squared':
      return Math.sign(margin) * margin * margin;
    case 'log1pexp':
      return Math.log1p(Math.exp(margin));
    default:
      return margin;
  }
}

function softmax(values: Float64Array, from: number, count: number): void {
  let greatest = values[from]!;
  for (let k = 1; k < count; k++) greatest = Math.max(greatest, values[from + k]!);
  let sum = 0;
  for (let k = 0; k < count; k++) {
    const e = Math.exp(values[from + k]! - greatest);
    values[from + k] = e;
    sum += e;
  }
  for (let k = 0; k < count; k++) values[from + k]! /= sum;
}
