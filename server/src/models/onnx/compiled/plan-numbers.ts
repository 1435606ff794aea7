import type { OnnxNode } from '../graph.ts';
import { floatInput, floats, forEach, int, realInput, same, string } from './attributes.ts';
import { axisOf } from './dims.ts';
import type { Planner } from './planner.ts';

export function planScaler(node: OnnxNode, planner: Planner): boolean {
  const x = floatInput(node, planner, true);
  const offset = x && forEach(floats(node, 'offset'), x.width);
  const scale = x && forEach(floats(node, 'scale'), x.width);
  if (!offset || !scale) return false;
  for (const [i, centre] of offset.entries()) planner.typical(x, i, [centre, centre + 1 / scale[i]!]);
  const at = planner.keep([...offset, ...scale]);
  return planner.set(node, planner.step('scale', x, planner.new(x.width, 'float'), { at }));
}

export function planImputer(node: OnnxNode, planner: Planner): boolean {
  const x = floatInput(node, planner);
  const values = x && forEach(floats(node, 'imputed_value_floats'), x.width);
  if (!values) return false;
  const replaced = floats(node, 'replaced_value_float')[0] ?? 0;
  const to = planner.new(x.dims, 'float', same(x));
  if (Number.isNaN(replaced) || Number.isFinite(replaced)) {
    const more = { at: planner.keep(values), replaced: Number.isNaN(replaced) ? null : replaced };
    return planner.set(node, planner.step('impute', x, to, more));
  }
  // A step's own numbers are finite.
  const at = planner.keep(Array.from(values, () => replaced));
  const isReplaced = planner.step('equal', x, planner.new(x.dims, 'boolean'), { at });
  const more = { yes: planner.fill({ numbers: values, dims: x.dims, isDouble: false }).index, no: x.index };
  return planner.set(node, planner.step('choose', isReplaced, to, more));
}

export function planNormalizer(node: OnnxNode, planner: Planner): boolean {
  const x = floatInput(node, planner);
  const norm = string(node, 'norm', 'MAX');
  if (!x || (norm !== 'L1' && norm !== 'L2' && norm !== 'MAX')) return false;
  return planner.set(node, planner.step('normalize', x, planner.new(x.width, 'float'), { norm }));
}

export function planLpNormalization(node: OnnxNode, planner: Planner): boolean {
  const x = realInput(node, planner);
  const p = int(node, 'p', 2);
  if (!x || axisOf(int(node, 'axis', -1), x.dims) !== 0 || (p !== 1 && p !== 2)) return false;
  const norm = p === 1 ? 'LP1' : 'LP2';
  return planner.set(node, planner.step('normalize', x, planner.new(x.width, x.type), { norm }));
}

/** A value times a constant matrix; Gemm adds a constant. */
export function planMatrix(node: OnnxNode, planner: Planner): boolean {
  const x = realInput(node, planner);
  const matrix = planner.constant(node, 1);
  const [alpha, beta] = [floats(node, 'alpha')[0] ?? 1, floats(node, 'beta')[0] ?? 1];
  const turned = int(node, 'transB', 0) === 1;
  if (!x || !matrix || alpha !== 1 || beta !== 1 || int(node, 'transA', 0) !== 0) return false;
  // A vector stands for a matrix of one column, and leaves that column out of what it gives.
  const isVector = matrix.dims.length === 1;
  const dims = isVector ? [matrix.dims[0]!, 1] : matrix.dims;
  if (dims.length !== 2) return false;
  const [inner, outer] = turned ? [dims[1]!, dims[0]!] : [dims[0]!, dims[1]!];
  if (inner !== x.width || outer < 1) return false;
  const added = node.inputs[2] ? planner.constant(node, 2) : null;
  const bias = added && forEach(added.numbers, outer);
  if (node.inputs[2] && !bias) return false;
  const { numbers } = matrix;
  const weights = turned
    ? numbers
    : Array.from({ length: inner * outer }, (_, i) => numbers[(i % inner) * outer + Math.floor(i / inner)]!);
  const more = { at: planner.keep(weights), bias: bias ? planner.keep(bias) : null };
  const to = planner.new(isVector ? [] : [outer], x.type);
  const isDot = isVector && x.type === 'float' && process.arch === 'x64';
  return planner.set(node, planner.step(isDot ? 'dot' : 'linear', x, to, more));
}

export function planTransform(node: OnnxNode, planner: Planner, by: 'SIGMOID' | 'SOFTMAX'): boolean {
  const x = realInput(node, planner);
  return x !== null && planner.set(node, planner.step('transform', x, planner.new(x.width, x.type), { by }));
}
