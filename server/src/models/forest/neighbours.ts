const float64 = new Float64Array(1);
const bits64 = new BigInt64Array(float64.buffer);
const float32 = new Float32Array(1);
const bits32 = new Int32Array(float32.buffer);

/** The next float64 below a finite x: x < t is x <= below(t). */
export function below(x: number): number {
  if (x === 0) return -Number.MIN_VALUE;
  float64[0] = x;
  bits64[0]! += x > 0 ? -1n : 1n;
  return float64[0];
}

/** The next float32 below a finite float32 x. */
export function belowFloat32(x: number): number {
  if (x === 0) return -1.401298464324817e-45;
  float32[0] = x;
  bits32[0]! += x > 0 ? -1 : 1;
  return float32[0];
}
