import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { exceeds, gammaExponential, pairedDifference, unit } from '../../src/stats/confidence-sequence.ts';
import { mostByChance, seeded } from './seeded.ts';
import { cases, expectWithin } from './vectors.ts';

interface BoundaryInput {
  c: number;
  v: number;
  alpha: number;
  v_opt: number;
  alpha_opt: number;
}

test('the boundary equals that of confseq', () => {
  const all = cases<BoundaryInput, number>('confidence-sequence');
  expect(all.length).toBeGreaterThan(30);
  for (const { name, input, expected, tolerance } of all) {
    const boundary = gammaExponential(input.v_opt, input.alpha_opt, input.c);
    expectWithin(boundary.bound(input.v, input.alpha), expected, tolerance, name);
  }
});

test('the boundary is where the mixture reaches log(1 / alpha), for variances from 0 to ten million', () => {
  const boundary = gammaExponential(500, 0.025, 1);
  for (const v of [0, 0.001, 1, 30, 1e3, 1e4, 1e5, 1e6, 1e7]) {
    for (const alpha of [0.001, 0.025, 0.4]) {
      const u = boundary.bound(v, alpha);
      expect(boundary.logMixture(u, v)).toBeGreaterThanOrEqual(Math.log(1 / alpha));
      expect(boundary.logMixture(u * (1 - 1e-6), v)).toBeLessThan(Math.log(1 / alpha));
    }
  }
});

const sums = fc.integer({ min: 1, max: 100_000 }).chain((pairs) =>
  fc.record({
    pairs: fc.constant(pairs),
    sum: fc.integer({ min: -pairs, max: pairs }).map((d) => d / unit),
    squares: fc.integer({ min: 0, max: pairs }).map((d) => d / unit),
  }),
);

describe('paired differences', () => {
  test('the interval holds the mean, mirrors with the signs and lies in [-1, 1]', () => {
    fc.assert(
      fc.property(sums, fc.double({ min: 0.001, max: 0.5, noNaN: true }), (one, alpha) => {
        const { difference, low, high } = pairedDifference(one, alpha);
        expect(low).toBeLessThanOrEqual(difference);
        expect(high).toBeGreaterThanOrEqual(difference);
        expect(Math.max(-low, high)).toBeLessThanOrEqual(1);
        const mirrored = pairedDifference({ ...one, sum: -one.sum }, alpha);
        expect([mirrored.low + high, mirrored.high + low]).toEqual([0, 0]);
      }),
      { seed: 1 },
    );
  });

  test('exceeds says what the lower end says', () => {
    fc.assert(
      fc.property(sums, fc.constantFrom(0, 0.01, 0.1), (one, margin) => {
        const { low } = pairedDifference(one, 0.05);
        if (Math.abs(low - margin) > 1e-9) expect(exceeds(one, margin, 0.05)).toBe(low > margin && low > -1);
      }),
      { seed: 2 },
    );
  });

  test('no pairs: nothing is known', () => {
    expect(pairedDifference({ pairs: 0, sum: 0, squares: 0 }, 0.05)).toEqual({
      difference: 0,
      low: -1,
      high: 1,
    });
  });
});

/** One run of paired 0/1 losses, looked at after every pair: when the interval first leaves 0. */
function firstDetection(
  seed: number,
  horizon: number,
  live: number,
  candidate: number,
  bounds: Float64Array,
) {
  const random = seeded(seed);
  let sum = 0;
  let squares = 0;
  for (let pairs = 1; pairs <= horizon; pairs++) {
    const d = Number(random() < live) - Number(random() < candidate);
    sum += d;
    squares += d * d;
    if (Math.abs(sum) >= bounds[squares]!) return pairs;
  }
  return null;
}

describe('looked at after every pair', () => {
  const horizon = 5000;
  // The half-width times n depends on the variance alone: once for all runs.
  const bounds = Float64Array.from({ length: horizon + 1 }, (_, squares) => {
    const { low } = pairedDifference({ pairs: 1e9, sum: 0, squares: squares / unit }, 0.05);
    return -low * 1e9;
  });
  const bar = JSON.parse(
    readFileSync(new URL('../../../spec/vectors/stats/peeking.json', import.meta.url), 'utf8'),
  ) as { table: { method: string; power_at_horizon: number }[] };
  const powerOf = (method: string) =>
    bar.table.find((row) => row.method.startsWith(method))!.power_at_horizon;

  test('two equal arms are told apart in at most 5 % of 2,000 runs', () => {
    const runs = 2000;
    let alarms = 0;
    for (let seed = 1; seed <= runs; seed++) {
      if (firstDetection(seed, horizon, 0.1, 0.1, bounds) !== null) alarms++;
    }
    expect(alarms).toBeLessThanOrEqual(mostByChance(runs, 0.05));
    // The simulation can tell: a test made for one look is fooled in half of the same runs.
    const naive = Float64Array.from(bounds, (_, squares) => Math.max(5, 1.96 * Math.sqrt(squares)));
    let fooled = 0;
    for (let seed = 1; seed <= runs; seed++) {
      if (firstDetection(seed, horizon, 0.1, 0.1, naive) !== null) fooled++;
    }
    expect(fooled / runs).toBeGreaterThan(0.3);
  });

  test('10 % against 12 %: power is that of the exact test of discordant pairs, and twice the betting one’s', () => {
    const runs = 1000;
    let found = 0;
    for (let seed = 1; seed <= runs; seed++) {
      if (firstDetection(seed, horizon, 0.12, 0.1, bounds) !== null) found++;
    }
    const power = found / runs;
    expect(power).toBeGreaterThan(powerOf('beta(10,10)-binomial') - 0.045);
    expect(power).toBeGreaterThan(1.5 * powerOf('betting on paired difference'));
  });
});

test('holds without independence: losses that depend on the past in a hostile way', () => {
  // Each difference has conditional mean 0, but its size is chosen from the sum so far to make it stray.
  const runs = 1000;
  let alarms = 0;
  for (let seed = 1; seed <= runs; seed++) {
    const random = seeded(seed);
    const one = { pairs: 0, sum: 0, squares: 0 };
    for (let step = 0; step < 800; step++) {
      const size = one.sum > 0 ? 1 : 0.25;
      const d = Math.round(((random() < 0.5 ? 1 : -1) * size) / unit);
      one.pairs++;
      one.sum += d;
      one.squares += Math.ceil(d * d * unit);
      if (step % 4 === 3 && (exceeds(one, 0, 0.05) || exceeds({ ...one, sum: -one.sum }, 0, 0.05))) {
        alarms++;
        break;
      }
    }
  }
  expect(alarms).toBeLessThanOrEqual(mostByChance(runs, 0.05));
});

test('the inequality under it: exp(λξ − ψ(λ)ξ²) ≤ 1 + λξ for ξ in [-1, 1]', () => {
  fc.assert(
    fc.property(
      fc.double({ min: -1, max: 1, noNaN: true }),
      fc.double({ min: 0, max: 0.999, noNaN: true }),
      (xi, lambda) => {
        const psi = -Math.log(1 - lambda) - lambda;
        expect(Math.exp(lambda * xi - psi * xi * xi)).toBeLessThanOrEqual((1 + lambda * xi) * (1 + 1e-12));
      },
    ),
    { seed: 3, numRuns: 1000 },
  );
});
