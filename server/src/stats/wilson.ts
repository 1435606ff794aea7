import quantile from '@stdlib/stats-base-dists-chisquare-quantile';

/**
 * Wilson's score interval for a share: Wilson 1927, "Probable inference, the law of succession, and
 * statistical inference". For one look; not valid when watched until it pleases. n = 0 gives [0, 1].
 */
export function wilson(successes: number, n: number, alpha = 0.05): { low: number; high: number } {
  if (n === 0) return { low: 0, high: 1 };
  // z² is the chi-square quantile with one degree of freedom.
  const z2 = quantile(1 - alpha, 1);
  const p = successes / n;
  const centre = (p + z2 / (2 * n)) / (1 + z2 / n);
  const half = (Math.sqrt(z2) / (1 + z2 / n)) * Math.sqrt((p * (1 - p)) / n + z2 / (4 * n * n));
  return {
    low: successes === 0 ? 0 : Math.max(0, centre - half),
    high: successes === n ? 1 : Math.min(1, centre + half),
  };
}
