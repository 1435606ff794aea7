/**
 * How the monitors keep their promise "on a stream of independent rows from the baseline's distribution, the
 * chance that this monitor ever says anything about a version is at most `perVersion`": the union bound over
 * tests, and over windows without end by Σ 6 / (π² k²) = 1.
 */
export const perVersion = 0.01;

/** The error rate of one of `tests` tests in window number `index`, from 1. */
export function errorRate(tests: number, index: number): number {
  return ((perVersion / tests) * 6) / (Math.PI * index) ** 2;
}
