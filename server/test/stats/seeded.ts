/** A seeded source of numbers in [0, 1) for simulations (mulberry32, public domain). */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

/** Standard normal (Box and Muller). */
export function normal(random: () => number): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}

/** In place (Fisher and Yates). */
export function shuffle<T>(values: T[], random: () => number): T[] {
  for (let k = values.length - 1; k > 0; k--) {
    const other = Math.floor(random() * (k + 1));
    [values[k], values[other]] = [values[other]!, values[k]!];
  }
  return values;
}

/** Most hits of a share `p` in `n` tries that chance alone allows, with 1 in 1000 beyond (normal approximation). */
export function mostByChance(n: number, p: number): number {
  return n * p + 3.1 * Math.sqrt(n * p * (1 - p)) + 1;
}
