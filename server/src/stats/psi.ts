/** What a share of 0 becomes, in either sample, without renormalising. */
const least = 1e-4;

/**
 * Population stability index: Σ (current − reference) · log(current / reference) over shares, in nats:
 * KL(p, q) + KL(q, p). By convention below 0.1 is stable, above 0.25 a clear shift.
 */
export function psi(reference: ArrayLike<number>, current: ArrayLike<number>): number {
  let sum = 0;
  for (let k = 0; k < reference.length; k++) {
    const p = reference[k]! > 0 ? reference[k]! : least;
    const q = current[k]! > 0 ? current[k]! : least;
    sum += (q - p) * Math.log(q / p);
  }
  return sum;
}

/** Counts as shares; all 0 where there is no count. */
export function shares(counts: ArrayLike<number>): number[] {
  let total = 0;
  for (let k = 0; k < counts.length; k++) total += counts[k]!;
  return Array.from(counts, (count) => (total > 0 ? count / total : 0));
}
