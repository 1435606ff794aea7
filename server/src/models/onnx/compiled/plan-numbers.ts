import type { OnnxNode } from '../graph.ts';
import { floatInput, floats, forEach, int, same, string } from './attributes.ts';
import type { Arithmetic } from './plan.ts';
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
  if (!Number.isNaN(replaced) && !Number.isFinite(replaced)) return false;
  const more = { at: planner.keep(values), replaced: Number.isNaN(replaced) ? null : replaced };
  return planner.set(node, planner.step('impute', x, planner.new(x.width, 'float', same(x)), more));
}

export function planNormalizer(node: OnnxNode, planner: Planner): boolean {
  const x = floatInput(node, planner, true);
  const norm = string(node, 'norm', 'MAX');
  if (!x || (norm !== 'L1' && norm !== 'L2' && norm !== 'MAX')) return false;
  return planner.set(node, planner.step('normalize', x, planner.new(x.width, 'float'), { norm }));
}

/** A value and a constant, whichever comes first. */
export function arithmetic(
  op: Arithmetic,
  turned: Arithmetic,
): (node: OnnxNode, planner: Planner) => boolean {
  return (node, planner) => {
    const isTurned = planner.input(node) === null;
    const x = planner.input(node, isTurned ? 1 : 0);
    const constant = planner.constant(node, isTurned ? 0 : 1);
    const numbers = x && constant && forEach(constant.numbers, x.width);
    if (x?.type !== 'float' || !numbers || constant!.dims.length > 2 || node.attributes.size > 0)
      return false;
    const at = planner.keep(numbers);
    return planner.set(node, planner.step(isTurned ? turned : op, x, planner.new(x.width, 'float'), { at }));
  };
}

/** A value times a constant matrix; Gemm adds a constant. */
export function planMatrix(node: OnnxNode, planner: Planner): boolean {
  const x = floatInput(node, planner);
  const matrix = planner.constant(node, 1);
  const [alpha, beta] = [floats(node, 'alpha')[0] ?? 1, floats(node, 'beta')[0] ?? 1];
  const turned = int(node, 'transB', 0) === 1;
  if (!x || matrix?.dims.length !== 2 || alpha !== 1 || beta !== 1 || int(node, 'transA', 0) !== 0)
    return false;
  const [inner, outer] = turned ? [matrix.dims[1]!, matrix.dims[0]!] : [matrix.dims[0]!, matrix.dims[1]!];
  if (inner !== x.width || outer < 1) return false;
  const added = node.inputs[2] ? planner.constant(node, 2) : null;
  const bias = added && forEach(added.numbers, outer);
  if (node.inputs[2] && !bias) return false;
  const { numbers } = matrix;
  const weights = turned
    ? numbers
    : Array.from({ length: inner * outer }, (_, i) => numbers[(i % inner) * outer + Math.floor(i / inner)]!);
  const more = { at: planner.keep(weights), bias: bias ? planner.keep(bias) : null };
  return planner.set(node, planner.step('linear', x, planner.new(outer, 'float'), more));
}

export function planTransform(node: OnnxNode, planner: Planner, by: 'SIGMOID' | 'SOFTMAX'): boolean {
  const x = floatInput(node, planner);
  return x !== null && planner.set(node, planner.step('transform', x, planner.new(x.width, 'float'), { by }));
}
