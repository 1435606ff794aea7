import type { Step } from './plan.ts';
import type { Run, Space } from './space.ts';

type Linear = Extract<Step, { op: 'linear' }>;

const { floor, fround, min } = Math;

/**
 * Four sums side by side, of one row or of several, so that their roundings overlap. A product of two float32 is exact
 * in float64: each step is a fused multiply-add in float32, in the order of the columns, as MLAS does it for a batch.
 */
export function linear(step: Linear, space: Space): Run {
  if (step.double) return linearOfDoubles(step, space);
  const { from, to, at, bias } = step;
  const { values, widths, constants } = space;
  const [source, target, width, targets] = [values[from]!, values[to]!, widths[from]!, widths[to]!];
  const weights = constants.slice(at, at + targets * width);
  const biases = bias === null ? null : constants.slice(bias, bias + targets);
  return (rows) => {
    const last = rows * targets - 1;
    for (let sum = 0; sum <= last; sum += 4) {
      // Beyond the last one, the last one again.
      const [second, third, fourth] = [min(sum + 1, last), min(sum + 2, last), min(sum + 3, last)];
      let x0 = floor(sum / targets) * width;
      let x1 = floor(second / targets) * width;
      let x2 = floor(third / targets) * width;
      let x3 = floor(fourth / targets) * width;
      let w0 = (sum % targets) * width;
      let w1 = (second % targets) * width;
      let w2 = (third % targets) * width;
      let w3 = (fourth % targets) * width;
      let [s0, s1, s2, s3] = [0, 0, 0, 0];
      for (let i = 0; i < width; i++) {
        s0 = fround(s0 + source[x0++]! * weights[w0++]!);
        s1 = fround(s1 + source[x1++]! * weights[w1++]!);
        s2 = fround(s2 + source[x2++]! * weights[w2++]!);
        s3 = fround(s3 + source[x3++]! * weights[w3++]!);
      }
      target[sum] = s0;
      target[second] = s1;
      target[third] = s2;
      target[fourth] = s3;
    }
    if (biases)
      for (let row = 0, k = 0; row < rows; row++)
        for (let i = 0; i < targets; i++, k++) target[k] = fround(target[k]! + biases[i]!);
  };
}

/** The same in double precision, where onnxruntime's fused multiply-adds round less: equal but for the last bits. */
function linearOfDoubles({ from, to, at, bias }: Linear, { values, widths, constants }: Space): Run {
  const [source, target, width, targets] = [values[from]!, values[to]!, widths[from]!, widths[to]!];
  const weights = constants.slice(at, at + targets * width);
  const biases = bias === null ? new Float64Array(targets) : constants.slice(bias, bias + targets);
  return (rows) => {
    for (let row = 0, k = 0; row < rows; row++)
      for (let i = 0, w = 0; i < targets; i++, k++) {
        let sum = 0;
        for (let x = row * width; x < (row + 1) * width; x++) sum += source[x]! * weights[w++]!;
        target[k] = sum + biases[i]!;
      }
  };
}

/**
 * With a vector, as MLAS does it on x64 (one row at a time, SgemmKernelM1Avx): four products each are rounded and added
 * up, then added to the sum; at the end two, then one.
 */
export function dot(
  { from, to, at, bias }: Extract<Step, { op: 'dot' }>,
  { values, widths, constants }: Space,
): Run {
  const [source, target, width] = [values[from]!, values[to]!, widths[from]!];
  const weights = constants.slice(at, at + width);
  const added = bias === null ? 0 : constants[bias]!;
  const fours = width - (width % 4);
  return (rows) => {
    for (let row = 0, x = 0; row < rows; row++) {
      let [sum, i] = [0, 0];
      for (; i < fours; i += 4, x += 4) {
        const first = product(source[x]!, weights[i]!) + product(source[x + 1]!, weights[i + 1]!);
        const three = fround(first) + product(source[x + 2]!, weights[i + 2]!);
        sum = fround(sum + fround(fround(three) + product(source[x + 3]!, weights[i + 3]!)));
      }
      if (width & 2) {
        const two = product(source[x++]!, weights[i++]!) + product(source[x++]!, weights[i++]!);
        sum = fround(sum + fround(two));
      }
      if (width & 1) sum = fround(sum + product(source[x++]!, weights[i]!));
      target[row] = fround(sum + added);
    }
  };
}

const product = (x: number, weight: number): number => fround(x * weight);
