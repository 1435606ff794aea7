import { answerWidth, type Signature } from '../../../signature.ts';
import { type Frame, newFrame } from '../../../tensor.ts';
import type { Model } from '../../model.ts';
import type { Planned } from './planner.ts';

const rows = 256;
/** Relative, and absolute below 1: of float32, and of double precision. */
const [tolerance, fineTolerance] = [1e-6, 1e-10];
/** Of the whole numbers in the answers, so many rows may differ: labels of scores that tie. */
const mostOdd = rows / 100;

/**
 * Whether a compiled graph answers what onnxruntime does, on rows about the graph's own numbers (thresholds, offsets
 * and scales, categories): what is not proven is not compiled. The same rows every time.
 */
export async function agree(compiled: Model, runtime: Model, plan: Planned): Promise<boolean> {
  const { signature } = runtime;
  const texts = plan.steps.flatMap((step) =>
    step.op === 'oneHotTexts' ? step.categories : step.op === 'encodeTexts' ? step.keys : [],
  );
  const frame = rowsFor(plan.typical, signature, [...texts, '']);
  const width = answerWidth(signature);
  const [got, wanted] = [new Float64Array(rows * width), new Float64Array(rows * width)];
  try {
    await runtime.predict(frame, wanted, []);
  } catch {
    return false;
  }
  await compiled.predict(frame, got, []);
  for (const { datatype, column, width: columns } of signature.outputs) {
    let odd = 0;
    const allowed = datatype === 'FP64' ? fineTolerance : tolerance;
    for (let row = 0; row < rows; row++) {
      for (let i = row * width + column; i < row * width + column + columns; i++) {
        if (isNear(got[i]!, wanted[i]!, allowed)) continue;
        if (datatype.startsWith('FP') || ++odd > mostOdd) return false;
      }
    }
  }
  return true;
}

function isNear(got: number, wanted: number, allowed: number): boolean {
  return Object.is(got, wanted) || Math.abs(got - wanted) <= allowed * Math.max(1, Math.abs(wanted));
}

/** Between numbers that the graph reckons with, at them and right beside them; zeros; and any number. */
function rowsFor(
  typical: Map<number, number[]>,
  { features, missingAllowed }: Signature,
  texts: string[],
): Frame {
  const random = xorshift(features.length + 1);
  const pick = <T>(list: T[]): T => list[Math.floor(random() * list.length)]!;
  const about = (column: number): number => {
    const known = typical.get(column) ?? [];
    const way = random();
    if (known.length === 0 || way < 0.1)
      return random() < 0.3 ? 0 : spread(random) * 10 ** pick([-1, 0, 1, 2, 3]);
    const at = pick(known);
    if (way < 0.4) return at * pick([1, 1, 1 + 2 ** -23, 1 - 2 ** -23]);
    return at + (pick(known) - at) * spread(random);
  };
  const frame = newFrame(rows, features.length);
  frame.texts = texts;
  for (let i = 0; i < frame.values.length; i++) {
    const column = i % features.length;
    const { type, categories } = features[column]!;
    if (categories) frame.values[i] = Math.floor(random() * categories.length);
    else if (type === 'string') frame.values[i] = Math.floor(random() * texts.length);
    else if (type === 'boolean') frame.values[i] = pick([0, 1]);
    else if (missingAllowed && random() < 0.1) frame.values[i] = Number.NaN;
    else
      frame.values[i] =
        type === 'integer' ? Math.max(0, Math.min(127, Math.round(about(column)))) : about(column);
  }
  return frame;
}

/** Nearly normal, of variance 1. */
function spread(random: () => number): number {
  return 2 * (random() + random() + random() - 1.5);
}

/** Uniform in [0, 1): Marsaglia's xorshift32. */
function xorshift(seed: number): () => number {
  let state = seed | 0 || 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}
