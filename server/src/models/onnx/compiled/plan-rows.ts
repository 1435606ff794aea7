import type { OnnxNode } from '../graph.ts';
import { int, realInput } from './attributes.ts';
import { along, axisOf, reshaped, sizeOf } from './dims.ts';
import type { PlanNode } from './operators.ts';
import type { OfMany } from './plan.ts';
import type { Constant, Planner, Value } from './planner.ts';
import { reductions, reductionsOfDoubles } from './reductions.ts';

/** A list of whole numbers: an input since newer opsets, an attribute before. */
export function wholes(node: OnnxNode, planner: Planner, i: number, name: string): number[] | null {
  if ((node.inputs[i] ?? '') !== '') return planner.constant(node, i)?.numbers ?? null;
  return node.attributes.get(name)?.ints ?? null;
}

/** The same numbers under another shape; false where rows do not stay rows. */
function view(node: OnnxNode, planner: Planner, x: Value, dims: readonly number[] | null): boolean {
  return dims !== null && sizeOf(dims) === x.width && planner.set(node, { ...x, dims });
}

export function planReshape(node: OnnxNode, planner: Planner): boolean {
  const x = planner.input(node);
  const shape = planner.shape(node, 1) ?? wholes(node, planner, 1, 'shape');
  return x !== null && shape !== null && view(node, planner, x, reshaped(x.dims, shape));
}

export function planFlatten(node: OnnxNode, planner: Planner): boolean {
  const x = planner.input(node);
  return x !== null && int(node, 'axis', 1) === 1 && view(node, planner, x, [x.width]);
}

export function planSqueeze(node: OnnxNode, planner: Planner): boolean {
  const x = planner.input(node);
  const axes = wholes(node, planner, 1, 'axes')?.map((axis) => x && axisOf(axis, x.dims));
  if (!x || !axes?.every((axis) => axis !== null && x.dims[axis] === 1)) return false;
  const dims = x.dims.filter((_, axis) => !axes.includes(axis));
  return view(node, planner, x, dims);
}

export function planUnsqueeze(node: OnnxNode, planner: Planner): boolean {
  const x = planner.input(node);
  const axes = wholes(node, planner, 1, 'axes');
  if (!x || axes?.length !== 1) return false;
  const [axis] = axes as [number];
  const at = axis < 0 ? x.dims.length + 1 + axis : axis - 1;
  return at >= 0 && at <= x.dims.length && view(node, planner, x, x.dims.toSpliced(at, 0, 1));
}

/** Places of one axis. */
function places(x: Value | null, planner: Planner, axis: number | null, indices: number[]): Value | null {
  if (!x || x.labels || axis === null || indices.length === 0) return null;
  const size = x.dims[axis]!;
  const found = indices.map((i) => (i < 0 ? size + i : i));
  if (!found.every((i) => i >= 0 && i < size)) return null;
  return planner.pick(x, along(x.dims, axis, found), x.dims.with(axis, found.length));
}

/** ArrayFeatureExtractor of columns. */
export function planPlaces(node: OnnxNode, planner: Planner): boolean {
  const x = planner.input(node);
  const found = x && places(x, planner, axisOf(-1, x.dims), planner.constant(node, 1)?.numbers ?? []);
  return found !== null && planner.set(node, found);
}

export function planGather(node: OnnxNode, planner: Planner): boolean {
  const x = planner.input(node);
  const indices = planner.constant(node, 1);
  const axis = x && axisOf(int(node, 'axis', 0), x.dims);
  if (axis === null || !indices || indices.dims.length > 1) return false;
  const found = places(x, planner, axis, indices.numbers);
  // A single index that is no list leaves its axis out.
  const dims = found && (indices.dims.length === 1 ? found.dims : found.dims.toSpliced(axis, 1));
  return found !== null && view(node, planner, found, dims);
}

export function planSlice(node: OnnxNode, planner: Planner): boolean {
  const x = planner.input(node);
  const [starts, ends, axes] = [
    wholes(node, planner, 1, 'starts'),
    wholes(node, planner, 2, 'ends'),
    wholes(node, planner, 3, 'axes'),
  ];
  const steps = node.inputs[4] ? planner.constant(node, 4)?.numbers : [1];
  if (!x || starts?.length !== 1 || ends?.length !== 1 || axes?.length !== 1 || steps?.[0] !== 1)
    return false;
  const axis = axisOf(axes[0]!, x.dims);
  if (axis === null) return false;
  const all = Array.from({ length: x.dims[axis]! }, (_, i) => i);
  const found = places(x, planner, axis, all.slice(starts[0]!, ends[0]!));
  return found !== null && planner.set(node, found);
}

/** Pieces of an axis, one an output; some may be empty. */
export function planSplit(node: OnnxNode, planner: Planner): boolean {
  const x = planner.input(node);
  const axis = x && !x.labels ? axisOf(int(node, 'axis', 0), x.dims) : null;
  const sizes = wholes(node, planner, 1, 'split');
  if (!x || axis === null || !sizes || sizes.length !== node.outputs.length) return false;
  if (sizes.some((size) => size < 0) || sum(sizes) !== x.dims[axis]) return false;
  for (const [i, size] of sizes.entries()) {
    const from = sum(sizes.slice(0, i));
    const found = Array.from({ length: size }, (_, k) => from + k);
    planner.set(node, planner.pick(x, along(x.dims, axis, found), x.dims.with(axis, size)), i);
  }
  return true;
}

const sum = (sizes: readonly number[]): number => sizes.reduce((all, size) => all + size, 0);

/** Values side by side on an axis before which a row has no other. */
export function planConcat(node: OnnxNode, planner: Planner): boolean {
  const values = node.inputs.map((_, i) => {
    const value = planner.input(node, i);
    return value?.labels ? planner.numbers(value) : value;
  });
  const [first] = values;
  const axis = first ? axisOf(int(node, 'axis', 1), first.dims) : null;
  if (!first || axis === null || sizeOf(first.dims.slice(0, axis)) !== 1) return false;
  const fits = (one: Value | null): boolean =>
    one?.type === first.type &&
    one.dims.length === first.dims.length &&
    one.dims.every((size, i) => i === axis || size === first.dims[i]);
  if (!values.every(fits)) return false;
  const all = values as Value[];
  const size = sum(all.map(({ dims }) => dims[axis]!));
  return planner.set(node, planner.concat(all, first.dims.with(axis, size)));
}

/** Over the last axes of a row, or one of a constant's. */
export function reduce(by: OfMany): PlanNode {
  return (node, planner) => {
    const constant = planner.constant(node, 0);
    if (constant) {
      const axes = wholes(node, planner, 1, 'axes');
      const found = axes?.length === 1 ? reduced(by, constant, axes[0]!, int(node, 'keepdims', 1)) : null;
      return found !== null && planner.fold(node, found);
    }
    const given = planner.input(node);
    const x = given && planner.numbers(given);
    const axes = wholes(node, planner, 1, 'axes')?.map((axis) => x && axisOf(axis, x.dims));
    if (!(x?.type === 'float' || x?.type === 'double') || !axes || axes.length === 0 || axes.includes(null))
      return false;
    const kept = x.dims.length - axes.length;
    if (!x.dims.every((_, axis) => axis < kept || axes.includes(axis))) return false;
    const keeps = int(node, 'keepdims', 1) === 1;
    const dims = [...x.dims.slice(0, kept), ...(keeps ? axes.map(() => 1) : [])];
    return planner.set(node, planner.step('reduce', x, planner.new(dims, x.type), { by }));
  };
}

function reduced(
  by: OfMany,
  { numbers, dims, isDouble }: Constant,
  axis: number,
  keeps: number,
): Constant | null {
  const at = axis < 0 ? dims.length + axis : axis;
  const size = dims[at] ?? 0;
  if (size === 0) return null;
  // The numbers of each group side by side.
  const places = Array.from({ length: size }, (_, place) => along(dims, at, [place]));
  const groups = places[0]!.map((_, group) => places.map((indices) => numbers[indices[group]!]!));
  const results = new Float64Array(groups.length);
  (isDouble ? reductionsOfDoubles : reductions)[by](
    Float64Array.from(groups.flat()),
    results,
    results.length,
    size,
  );
  return { numbers: [...results], dims: dims.toSpliced(at, 1, ...(keeps === 1 ? [1] : [])), isDouble };
}

/** Which number is the greatest, or the least, of a row. */
export function planArg(which: 'greatest' | 'least'): PlanNode {
  return (node, planner) => {
    const x = realInput(node, planner);
    if (!x || axisOf(int(node, 'axis', 0), x.dims) !== 0 || int(node, 'select_last_index', 0) !== 0)
      return false;
    const labels = Array.from({ length: x.width }, (_, k) => k);
    const dims = int(node, 'keepdims', 1) === 1 ? [1] : [];
    const among = which === 'least' ? planner.step('negate', x, planner.new(x.dims, x.type), {}) : x;
    return planner.set(node, planner.step('argMax', among, planner.new(dims, 'label', { labels }), {}));
  };
}
