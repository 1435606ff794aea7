const { exp, fround, log, max, min } = Math;

/** One number for each `size` neighbouring ones of x, as onnxruntime makes it in float32. */
type Loop = (x: Float64Array, to: Float64Array, count: number, size: number) => void;

export const reductions = {
  sum: (x, to, count, size) => {
    for (let group = 0, k = 0; group < count; group++) {
      let sum = 0;
      for (const end = k + size; k < end; k++) sum = fround(sum + x[k]!);
      to[group] = sum;
    }
  },
  mean: (x, to, count, size) => {
    reductions.sum(x, to, count, size);
    for (let group = 0; group < count; group++) to[group] = fround(to[group]! / size);
  },
  product: (x, to, count, size) => {
    for (let group = 0, k = 0; group < count; group++) {
      let product = 1;
      for (const end = k + size; k < end; k++) product = fround(product * x[k]!);
      to[group] = product;
    }
  },
  greatest: (x, to, count, size) => {
    for (let group = 0, k = 0; group < count; group++) {
      let greatest = Number.NEGATIVE_INFINITY;
      for (const end = k + size; k < end; k++) greatest = max(greatest, x[k]!);
      to[group] = greatest;
    }
  },
  least: (x, to, count, size) => {
    for (let group = 0, k = 0; group < count; group++) {
      let least = Number.POSITIVE_INFINITY;
      for (const end = k + size; k < end; k++) least = min(least, x[k]!);
      to[group] = least;
    }
  },
  squares: (x, to, count, size) => {
    for (let group = 0, k = 0; group < count; group++) {
      let sum = 0;
      for (const end = k + size; k < end; k++) sum = fround(sum + fround(x[k]! * x[k]!));
      to[group] = sum;
    }
  },
  /** log Σ exp(x), the greatest taken out before. */
  logSumExp: (x, to, count, size) => {
    reductions.greatest(x, to, count, size);
    for (let group = 0, k = 0; group < count; group++) {
      const greatest = Number.isFinite(to[group]) ? to[group]! : 0;
      let sum = 0;
      for (const end = k + size; k < end; k++) sum = fround(sum + fround(exp(fround(x[k]! - greatest))));
      to[group] = fround(fround(log(sum)) + greatest);
    }
  },
} satisfies Record<string, Loop>;

/** The same in double precision. */
export const reductionsOfDoubles: Record<keyof typeof reductions, Loop> = {
  ...reductions,
  sum: (x, to, count, size) => {
    for (let group = 0, k = 0; group < count; group++) {
      let sum = 0;
      for (const end = k + size; k < end; k++) sum += x[k]!;
      to[group] = sum;
    }
  },
  mean: (x, to, count, size) => {
    reductionsOfDoubles.sum(x, to, count, size);
    for (let group = 0; group < count; group++) to[group]! /= size;
  },
  product: (x, to, count, size) => {
    for (let group = 0, k = 0; group < count; group++) {
      let product = 1;
      for (const end = k + size; k < end; k++) product *= x[k]!;
      to[group] = product;
    }
  },
  squares: (x, to, count, size) => {
    for (let group = 0, k = 0; group < count; group++) {
      let sum = 0;
      for (const end = k + size; k < end; k++) sum += x[k]! * x[k]!;
      to[group] = sum;
    }
  },
  logSumExp: (x, to, count, size) => {
    reductions.greatest(x, to, count, size);
    for (let group = 0, k = 0; group < count; group++) {
      const greatest = Number.isFinite(to[group]) ? to[group]! : 0;
      let sum = 0;
      for (const end = k + size; k < end; k++) sum += exp(x[k]! - greatest);
      to[group] = log(sum) + greatest;
    }
  },
};
