import gammaln from '@stdlib/math-base-special-gammaln';

/**
 * P(at least k of the n new ones are marked), given that the k + m marked ones lie at random among the n new
 * and N old ones: Fisher's exact test, one-sided. Small when new ones are marked more often than old ones.
 *
 * With m = 0 it is also the chance that k or more of n new values exceed the largest of N old ones, and with
 * m = 1 that k or more lie outside their range, whatever the distribution (Wilks 1942, "Statistical
 * prediction with special reference to the problem of tolerance limits"); ties make it smaller still.
 */
export function moreOften(k: number, n: number, m: number, N: number): number {
  const marked = k + m;
  if (k <= 0) return 1;
  // P(X = x) for x = k, k + 1, …: the first by logarithms, the others by the ratio of neighbours.
  let term = Math.exp(logChoose(n, k) + logChoose(N, marked - k) - logChoose(n + N, marked));
  let sum = term;
  for (let x = k; x < Math.min(n, marked) && term > sum * 1e-16; x++) {
    term *= ((n - x) * (marked - x)) / ((x + 1) * (N - marked + x + 1));
    sum += term;
  }
  return Math.min(1, sum);
}

function logChoose(n: number, k: number): number {
  return gammaln(n + 1) - gammaln(k + 1) - gammaln(n - k + 1);
}
