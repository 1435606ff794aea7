import fc from 'fast-check';
import { expect, test } from 'vitest';
import { moreOften } from '../../src/stats/hypergeometric.ts';
import { mostByChance, seeded } from './seeded.ts';

function choose(n: number, k: number): bigint {
  if (k < 0 || k > n) return 0n;
  let value = 1n;
  for (let i = 1; i <= k; i++) value = (value * BigInt(n - k + i)) / BigInt(i);
  return value;
}

test('is Fisher’s one-sided probability, exactly', () => {
  const small = fc.integer({ min: 1, max: 40 });
  fc.assert(
    fc.property(small, small, fc.nat(40), fc.nat(40), (n, N, a, b) => {
      const k = Math.min(a, n);
      const m = Math.min(b, N);
      let tail = 0n;
      for (let x = k; x <= Math.min(n, k + m); x++) tail += choose(n, x) * choose(N, k + m - x);
      const exact = Number((tail * 10n ** 18n) / choose(n + N, k + m)) / 1e18;
      expect(moreOften(k, n, m, N)).toBeCloseTo(exact, 10);
    }),
    { seed: 1, numRuns: 500 },
  );
});

test('with m = 1: how often so many new values lie outside the range of the old ones', () => {
  const random = seeded(4);
  const [n, N, k] = [50, 100, 4];
  let hits = 0;
  const runs = 4000;
  for (let run = 0; run < runs; run++) {
    const old = Array.from({ length: N }, random);
    const [low, high] = [Math.min(...old), Math.max(...old)];
    let outside = 0;
    for (let i = 0; i < n; i++) {
      const value = random();
      if (value < low || value > high) outside++;
    }
    if (outside >= k) hits++;
  }
  const p = moreOften(k, n, 1, N);
  expect(hits).toBeLessThanOrEqual(mostByChance(runs, p));
  expect(runs - hits).toBeLessThanOrEqual(mostByChance(runs, 1 - p));
});

test('never seen, or always expected', () => {
  expect(moreOften(0, 10, 3, 10)).toBe(1);
  expect(moreOften(10, 10, 0, 1000)).toBeLessThan(1e-19);
});
