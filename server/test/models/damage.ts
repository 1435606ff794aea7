/** One to four changed bytes, often digits for digits, and in a third of the cases a cut. */
export function damage(bytes: Buffer, random: () => number): Buffer {
  const below = (n: number): number => Math.floor(random() * n);
  const damaged = Buffer.from(bytes);
  for (let k = 1 + below(4); k > 0; k--) {
    const at = below(damaged.length);
    const isDigit = damaged[at]! >= 48 && damaged[at]! <= 57;
    damaged[at] =
      isDigit && random() < 0.7
        ? 48 + below(10)
        : random() < 0.5
          ? below(256)
          : damaged[at]! ^ (1 << below(8));
  }
  return random() < 1 / 3 ? damaged.subarray(0, below(damaged.length)) : damaged;
}
