import type { linkKinds } from './loss.ts';

/**
 * Writes the answer to one row’s sums: of a binary model the probabilities of both classes, else
 * as many numbers as there are sums. Returns how many.
 */
export function writeAnswer(
  link: (typeof linkKinds)[number],
  sums: Float64Array,
  from: number,
  count: number,
  answers: Float64Array,
  to: number,
): number {
  const sum = sums[from]!;
  switch (link) {
    case 'sigmoid':
      answers[to + 1] = sigmoid(sum);
      answers[to] = 1 - answers[to + 1]!;
      return 2;
    case 'uncertainty':
      answers[to] = sum;
      answers[to + 1] = Math.exp(2 * sums[from + 1]!);
      return 2;
    case 'softmax':
      return softmax(sums, from, count, answers, to);
    default:
      for (let k = 0; k < count; k++) answers[to + k] = one(link, sums[from + k]!);
      return count;
  }
}

const sigmoid = (sum: number): number => 1 / (1 + Math.exp(-sum));

function one(link: 'raw' | 'exp' | 'sigmoids', sum: number): number {
  if (link === 'raw') return sum;
  return link === 'exp' ? Math.exp(sum) : sigmoid(sum);
}

function softmax(sums: Float64Array, from: number, count: number, answers: Float64Array, to: number): number {
  let greatest = sums[from]!;
  for (let k = 1; k < count; k++) greatest = Math.max(greatest, sums[from + k]!);
  let total = 0;
  for (let k = 0; k < count; k++) {
    answers[to + k] = Math.exp(sums[from + k]! - greatest);
    total += answers[to + k]!;
  }
  for (let k = 0; k < count; k++) answers[to + k]! /= total;
  return count;
}
