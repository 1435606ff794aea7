/** A row's dimensions: a tensor's after its first, which is the rows. None: one number a row. */
export type Dims = readonly number[];

export const sizeOf = (dims: Dims): number => dims.reduce((product, size) => product * size, 1);

/** What two tensors of one rank have together, where ONNX spreads their dimensions of 1; null where they do not fit. */
export function together(a: Dims, b: Dims): number[] | null {
  if (a.length !== b.length) return null;
  if (!a.every((size, i) => size === b[i] || size === 1 || b[i] === 1)) return null;
  return a.map((size, i) => (size === 1 ? b[i]! : size));
}

/** For each number of `to`, which one of `from` stands there when it is spread over it. */
export function spread(from: Dims, to: Dims): number[] {
  let indices = [0];
  for (const [axis, size] of to.entries()) {
    const step = from[axis] === 1 ? 0 : 1;
    indices = indices.flatMap((at) => Array.from({ length: size }, (_, i) => at * from[axis]! + i * step));
  }
  return indices;
}

/** A constant's dimensions as those of rows of so many: null if it is not the same for every row. */
export function ofRows(dims: Dims, rank: number): number[] | null {
  if (dims.length > rank + 1) return null;
  const [rows, ...others] = [...Array.from({ length: rank + 1 - dims.length }, () => 1), ...dims];
  return rows === 1 ? others : null;
}

/** A tensor's axis as a row's; null for the rows themselves, and for what is none. */
export function axisOf(axis: number, dims: Dims): number | null {
  const found = axis < 0 ? dims.length + axis : axis - 1;
  return found >= 0 && found < dims.length ? found : null;
}

/** Where the numbers stand that some places of an axis hold. */
export function along(dims: Dims, axis: number, places: readonly number[]): number[] {
  const [inner, size] = [sizeOf(dims.slice(axis + 1)), dims[axis]!];
  const outer = sizeOf(dims.slice(0, axis));
  return Array.from({ length: outer }, (_, o) =>
    places.flatMap((place) => Array.from({ length: inner }, (_, i) => (o * size + place) * inner + i)),
  ).flat();
}

/** What a Reshape to `shape` makes of a row; null where rows do not stay rows. */
export function reshaped(dims: Dims, shape: readonly number[]): number[] | null {
  const [rows, ...given] = shape;
  const size = sizeOf(dims);
  const others = given.map((one, i) => (one === 0 ? (dims[i] ?? 0) : one));
  const known = sizeOf(others.filter((one) => one !== -1));
  const found = others.map((one) => (one === -1 ? size / known : one));
  // With −1 for the rows nothing else may be left open; 0 keeps them.
  const areRows = rows === 0 || (rows === -1 && !given.includes(-1));
  return areRows && sizeOf(found) === size && found.every(Number.isInteger) ? found : null;
}
