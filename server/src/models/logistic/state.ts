/**
 * A logistic learner's whole state as float64: what an update carries and a checkpoint keeps.
 * Layout: u32 format, u32 features, then intercept, counts, means, variances, weights.
 */
export interface LogisticState {
  intercept: number;
  /** Values seen of each feature: a missing one is not counted. */
  counts: Float64Array;
  mean: Float64Array;
  /** Population variance (ddof 0). */
  variance: Float64Array;
  weights: Float64Array;
}

const format = 2;
const headBytes = 8;

export function freshState(features: number): LogisticState {
  return {
    intercept: 0,
    counts: new Float64Array(features),
    mean: new Float64Array(features),
    variance: new Float64Array(features),
    weights: new Float64Array(features),
  };
}

export function encodeState({ intercept, counts, mean, variance, weights }: LogisticState): Uint8Array {
  const features = mean.length;
  const bytes = new Uint8Array(headBytes + 8 * (1 + 4 * features));
  const view = new DataView(bytes.buffer);
  view.setUint32(0, format, true);
  view.setUint32(4, features, true);
  view.setFloat64(headBytes, intercept, true);
  let at = headBytes + 8;
  for (const list of [counts, mean, variance, weights]) {
    for (let i = 0; i < features; i++, at += 8) view.setFloat64(at, list[i]!, true);
  }
  return bytes;
}

/** Throws RangeError for bytes that are no sound state of so many features. */
export function decodeState(bytes: Uint8Array, features: number): LogisticState {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const written = bytes.length < headBytes ? 0 : view.getUint32(0, true);
  if (written !== format && written !== 1) {
    throw new RangeError('These bytes are not a logistic learner’s state.');
  }
  // Format 1 had one count for all features, before the intercept.
  const lists = written === 1 ? 3 : 4;
  const numbers = (written === 1 ? 2 : 1) + lists * features;
  if (view.getUint32(4, true) !== features || bytes.length !== headBytes + 8 * numbers) {
    throw new RangeError(`This state is of ${view.getUint32(4, true)} features, not ${features}.`);
  }
  const number = (i: number) => view.getFloat64(headBytes + 8 * i, true);
  const list = (from: number): Float64Array => {
    const values = new Float64Array(features);
    for (let i = 0; i < features; i++) values[i] = number(from + i);
    return values;
  };
  const first = numbers - lists * features;
  const counts = written === 1 ? new Float64Array(features).fill(number(0)) : list(first);
  const [mean, variance, weights] = [3, 2, 1].map((back) => list(numbers - back * features)) as [
    Float64Array,
    Float64Array,
    Float64Array,
  ];
  const state = { intercept: number(first - 1), counts, mean, variance, weights };
  if (!isSound(state)) throw new RangeError('This state holds numbers that no learner comes to.');
  return state;
}

/** All finite; no count or variance below 0. */
function isSound({ intercept, counts, mean, variance, weights }: LogisticState): boolean {
  let sound = Number.isFinite(intercept);
  for (let i = 0; i < mean.length && sound; i++) {
    sound =
      Number.isFinite(counts[i]! + mean[i]! + variance[i]! + weights[i]!) &&
      counts[i]! >= 0 &&
      variance[i]! >= 0;
  }
  return sound;
}
