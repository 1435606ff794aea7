/**
 * A logistic learner's whole state as float64: what an update carries and a checkpoint keeps.
 * Layout: u32 format, u32 features, then count, intercept, means, variances, weights.
 */
export interface LogisticState {
  /** Rows learned by the scaler. */
  count: number;
  intercept: number;
  mean: Float64Array;
  /** Population variance (ddof 0). */
  variance: Float64Array;
  weights: Float64Array;
}

const format = 1;
const headBytes = 8;

export function freshState(features: number): LogisticState {
  return {
    count: 0,
    intercept: 0,
    mean: new Float64Array(features),
    variance: new Float64Array(features),
    weights: new Float64Array(features),
  };
}

export function encodeState({ count, intercept, mean, variance, weights }: LogisticState): Uint8Array {
  const features = mean.length;
  const bytes = new Uint8Array(headBytes + 8 * (2 + 3 * features));
  const view = new DataView(bytes.buffer);
  view.setUint32(0, format, true);
  view.setUint32(4, features, true);
  let at = headBytes;
  for (const value of [count, intercept, ...mean, ...variance, ...weights]) {
    view.setFloat64(at, value, true);
    at += 8;
  }
  return bytes;
}

/** Throws RangeError for bytes that are no state of so many features. */
export function decodeState(bytes: Uint8Array, features: number): LogisticState {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < headBytes || view.getUint32(0, true) !== format) {
    throw new RangeError('These bytes are not a logistic learner’s state.');
  }
  if (view.getUint32(4, true) !== features || bytes.length !== headBytes + 8 * (2 + 3 * features)) {
    throw new RangeError(`This state is of ${view.getUint32(4, true)} features, not ${features}.`);
  }
  const floats = (from: number, length: number) =>
    Float64Array.from({ length }, (_, i) => view.getFloat64(headBytes + 8 * (from + i), true));
  return {
    count: view.getFloat64(headBytes, true),
    intercept: view.getFloat64(headBytes + 8, true),
    mean: floats(2, features),
    variance: floats(2 + features, features),
    weights: floats(2 + 2 * features, features),
  };
}
