import type { Step } from './plan.ts';
import type { Run, Space } from './space.ts';

type Normalize = Extract<Step, { op: 'normalize' }>;

const { abs, fround, sqrt } = Math;

export function normalize(step: Normalize, space: Space): Run {
  if (step.double) return normalizeDoubles(step, space);
  const { from, to, norm } = step;
  const [source, target, width] = [space.values[from]!, space.values[to]!, space.widths[to]!];
  return (rows) => {
    for (let k = 0; k < rows * width; k += width) {
      let size = norm === 'MAX' ? Number.NEGATIVE_INFINITY : 0;
      for (let i = k; i < k + width; i++) {
        const x = source[i]!;
        if (norm === 'MAX') {
          if (x > size) size = x;
        } else size = fround(size + (norm === 'L1' || norm === 'LP1' ? abs(x) : fround(x * x)));
      }
      if (norm === 'LP2') size = fround(sqrt(size));
      for (let i = k; i < k + width; i++) {
        const x = source[i]!;
        if (size === 0) target[i] = norm === 'LP1' || norm === 'LP2' ? 0 : x;
        else if (norm === 'L2') target[i] = Math.sign(x) * fround(sqrt(fround(fround(x * x) / size)));
        else target[i] = fround(x / size);
      }
    }
  };
}

/** LpNormalization; ONNX's Normalizer makes float32 of doubles. */
function normalizeDoubles({ from, to, norm }: Normalize, { values, widths }: Space): Run {
  const [source, target, width] = [values[from]!, values[to]!, widths[to]!];
  return (rows) => {
    for (let k = 0; k < rows * width; k += width) {
      let size = 0;
      for (let i = k; i < k + width; i++) size += norm === 'LP1' ? abs(source[i]!) : source[i]! * source[i]!;
      if (norm === 'LP2') size = sqrt(size);
      for (let i = k; i < k + width; i++) target[i] = size === 0 ? 0 : source[i]! / size;
    }
  };
}
