import type { OnnxNode } from '../graph.ts';
import { int } from './attributes.ts';
import { sizeOf } from './dims.ts';
import { wholes } from './plan-rows.ts';
import type { Planner, Value } from './planner.ts';

/** Reshape to [1, rows, …]: the rows of one of several models, to be stacked. */
export function planLayer(node: OnnxNode, planner: Planner): boolean {
  const x = planner.input(node);
  const [layers, rows, ...dims] = planner.constant(node, 1)?.numbers ?? [];
  if (!x || layers !== 1 || rows !== -1 || sizeOf(dims) !== x.width) return false;
  return dims.every((size) => size > 0) && planner.setStack(node, [{ ...x, dims }]);
}

/** More models than these are no ensemble's: a file that stacks a stack on itself again and again. */
const mostLayers = 4096;

/** Concat of stacks. */
export function planStack(node: OnnxNode, planner: Planner): boolean {
  const stacks = node.inputs.map((_, i) => planner.stack(node, i));
  if (int(node, 'axis', 1) !== 0 || !stacks.every((stack) => stack !== null)) return false;
  const layers = stacks.reduce((sum, { length }) => sum + length, 0);
  return layers <= mostLayers && planner.setStack(node, stacks.flat());
}

/** ReduceMean over a stack, as bagging does: a sum in the models' order, divided. */
export function planMeanOfStack(node: OnnxNode, planner: Planner): boolean {
  const [first, ...others] = planner.stack(node, 0) ?? [];
  const axes = wholes(node, planner, 1, 'axes');
  if (!first || axes?.length !== 1 || axes[0] !== 0 || int(node, 'keepdims', 1) !== 0) return false;
  const { type, dims } = first;
  const fits = ({ type: one, dims: size }: Value) => one === type && `${size}` === `${dims}`;
  if ((type !== 'float' && type !== 'double') || !others.every(fits)) return false;
  let sum = first;
  for (const { index } of others) sum = planner.step('add', sum, planner.new(dims, type), { with: index });
  const at = planner.keep(Array.from({ length: first.width }, () => others.length + 1));
  return planner.set(node, planner.step('divide', sum, planner.new(dims, type), { at }));
}
