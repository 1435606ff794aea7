/**
 * A sum of float64 values without rounding, the same for every order of adding, and exact under taking back
 * (`add(-x)`). Shewchuk 1997, "Adaptive precision floating-point arithmetic": non-overlapping partial sums.
 */
export class ExactSum {
  #partials: number[];

  constructor(saved: readonly number[] = []) {
    this.#partials = [...saved].reverse();
  }

  /** Adds a finite value; others are refused (false), as they would spoil the sum for ever. */
  add(value: number): boolean {
    if (!Number.isFinite(value)) return false;
    this.#partials = grow(this.#partials, value);
    return true;
  }

  /** The sum, correctly rounded. */
  value(): number {
    return rounded(this.#partials);
  }

  /** The exact sum in its one canonical form: each number is the rest, rounded. Length 0 to about 4. */
  save(): number[] {
    let rest = this.#partials;
    const terms: number[] = [];
    while (rest.length > 0) {
      const head = rounded(rest);
      terms.push(head);
      rest = grow(rest, -head);
    }
    return terms;
  }
}

/** Adds one value to non-overlapping partials in rising order, dropping zeros. */
function grow(partials: readonly number[], value: number): number[] {
  const out: number[] = [];
  let x = value;
  for (let y of partials) {
    if (Math.abs(x) < Math.abs(y)) [x, y] = [y, x];
    const high = x + y;
    const low = y - (high - x);
    if (low !== 0) out.push(low);
    x = high;
  }
  if (x !== 0) out.push(x);
  return out;
}

/** Correctly rounded sum of non-overlapping partials in rising order (the last step of Python's `math.fsum`). */
function rounded(partials: readonly number[]): number {
  let k = partials.length - 1;
  if (k < 0) return 0;
  let high = partials[k]!;
  let low = 0;
  while (k > 0) {
    const x = high;
    const y = partials[--k]!;
    high = x + y;
    low = y - (high - x);
    if (low !== 0) break;
  }
  // A tie that was rounded to even, with more below it on the same side, is no tie.
  if (k > 0 && low !== 0 && low < 0 === partials[k - 1]! < 0) {
    const twice = low * 2;
    const other = high + twice;
    if (other - high === twice) return other;
  }
  return high;
}
