/** Quantile q ∈ [0, 1] of ascending values, interpolated linearly (Hyndman and Fan's type 7; numpy's default). NaN without values. */
export function quantile(ascending: ArrayLike<number>, q: number): number {
  const n = ascending.length;
  if (n === 0) return Number.NaN;
  const place = q * (n - 1);
  const below = Math.floor(place);
  const low = ascending[below]!;
  const high = ascending[Math.min(below + 1, n - 1)]!;
  const t = place - below;
  // numpy's lerp: from the nearer end, so that equal neighbours stay equal to the bit.
  return t >= 0.5 ? high - (high - low) * (1 - t) : low + (high - low) * t;
}
