import gammainc from '@stdlib/math-base-special-gammainc';
import gammaln from '@stdlib/math-base-special-gammaln';

/** A boundary u(v) with P(some t: S_t ≥ u(V_t)) ≤ alpha, however often it is looked at. */
export interface Boundary {
  /** Log of the mixture supermartingale at sum `s` and variance process `v`: ≥ log(1/alpha) means s is at or past the boundary. */
  logMixture(s: number, v: number): number;
  /** u(v) at error rate `alpha`. */
  bound(v: number, alpha: number): number;
}

/**
 * The gamma-exponential mixture for sub-exponential sums of scale `c`: Howard, Ramdas, McAuliffe and Sekhon,
 * "Time-uniform, nonparametric, nonasymptotic confidence sequences", Annals of Statistics 49 (2021),
 * Proposition 9; the same as `gamma_exponential_mixture_bound` of the confseq library. It is tightest near
 * `vOpt` for error rate `alphaOpt`, and valid everywhere.
 */
export function gammaExponential(vOpt: number, alphaOpt: number, c: number): Boundary {
  const rho = vOpt / (2 * Math.log(1 / (2 * alphaOpt)) + Math.log(1 + 2 * Math.log(1 / (2 * alphaOpt))));
  const shape = rho / (c * c);
  const leading = shape * Math.log(shape) - gammaln(shape) - Math.log(gammainc(shape, shape));

  function logMixture(s: number, v: number): number {
    const a = (v + rho) / (c * c);
    const x = (c * s + v + rho) / (c * c);
    if (x <= 0) return -Infinity;
    return leading + gammaln(a) + Math.log(gammainc(x, a)) - a * Math.log(x) + (c * s + v) / (c * c);
  }

  return { logMixture, bound: (v, alpha) => rootAbove(logMixture, v, Math.log(1 / alpha)) };
}

/**
 * The s ≥ 0 at which the increasing, convex function logMixture(·, v) reaches `target`, to 1e-12 relative: regula
 * falsi in the Illinois variant (Dowell and Jarratt 1971), which takes a fifth of bisection's evaluations. The
 * result is never below the root found: the boundary errs to the safe side.
 */
function rootAbove(logMixture: Boundary['logMixture'], v: number, target: number): number {
  let low = 0;
  let below = logMixture(low, v) - target;
  let high = Math.sqrt(v) + 1;
  let above = logMixture(high, v) - target;
  while (above < 0) {
    low = high;
    below = above;
    high *= 2;
    above = logMixture(high, v) - target;
  }
  let kept = 0;
  for (let round = 0; round < 200 && high - low > 1e-12 * high; round++) {
    const middle = (low * above - high * below) / (above - below);
    if (middle <= low || middle >= high) break;
    const there = logMixture(middle, v) - target;
    if (there < 0) {
      low = middle;
      below = there;
      if (kept === 1) above /= 2;
      kept = 1;
    } else {
      high = middle;
      above = there;
      if (kept === -1) below /= 2;
      kept = -1;
      if (there === 0) break;
    }
  }
  return high;
}

/** Sums over pairs, each a whole number of `unit`s, so that they are exact and the same in every order. */
export interface PairedSums {
  pairs: number;
  /** Σ d, in units. */
  sum: number;
  /** Σ d², each rounded up to whole units. */
  squares: number;
}

export interface DifferenceInterval {
  difference: number;
  low: number;
  high: number;
}

/** One paired difference d ∈ [−1, 1] is a whole number of these. 2^33 pairs stay exact. */
export const unit = 2 ** -20;

const boundary = gammaExponential(500, 0.025, 1);

/**
 * Confidence sequence for the running mean of paired differences d_i ∈ [−1, 1]: with probability at least
 * 1 − alpha the interval holds (1/n) Σ E[d_i | what came before] at every n at once.
 *
 * Why: for ξ ≥ −1 and λ ∈ [0, 1), exp(λξ − ψ(λ)ξ²) ≤ 1 + λξ with ψ(λ) = −log(1 − λ) − λ, since
 * (log(1 + λξ) − λξ) / ξ² rises in ξ and is −ψ(λ) at ξ = −1 (Fan, Grama and Liu 2015, "Exponential
 * inequalities for martingales with applications", Electronic Journal of Probability 20). With ξ = d_i
 * and μ_i = E[d_i | past] the conditional mean of the left side is at most 1 + λμ_i ≤ exp(λμ_i). So
 * exp(λ Σ(d_i − μ_i) − ψ(λ) Σ d_i²) is a supermartingale: Σ(d_i − μ_i) is sub-exponential with scale 1 and
 * variance process V = Σ d_i² (Howard et al. 2021, Theorem 4, with 0 as the predicted value), and
 * u(V) bounds it from above; −d_i bounds it from below; alpha / 2 to each. Nothing is assumed about
 * independence or equal distribution. With 0 as the predicted value, S and V are symmetric in the pairs.
 */
export function pairedDifference(sums: PairedSums, alpha: number): DifferenceInterval {
  const { pairs } = sums;
  if (pairs === 0) return { difference: 0, low: -1, high: 1 };
  const s = sums.sum * unit;
  const radius = boundary.bound(sums.squares * unit, alpha / 2);
  return {
    difference: s / pairs,
    low: Math.max(-1, (s - radius) / pairs),
    high: Math.min(1, (s + radius) / pairs),
  };
}

/** Whether the lower end of `pairedDifference` lies above `margin`, without looking for that end: about a microsecond. */
export function exceeds(sums: PairedSums, margin: number, alpha: number): boolean {
  const s = sums.sum * unit - margin * sums.pairs;
  return s > 0 && boundary.logMixture(s, sums.squares * unit) > Math.log(2 / alpha);
}
