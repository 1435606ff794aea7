import { elements, numbersOf } from '../constants.ts';
import type { OnnxNode } from '../graph.ts';
import { int } from './attributes.ts';
import { sizeOf } from './dims.ts';
import type { Planner } from './planner.ts';

const mostSizes = 64;

/** The shape of a tensor, for ConstantOfShape and Reshape. */
export function planShape(node: OnnxNode, planner: Planner): boolean {
  const x = planner.input(node);
  return x !== null && node.attributes.size === 0 && planner.setShape(node, [0, ...x.dims]);
}

/** Gather from a shape. */
export function planSizes(node: OnnxNode, planner: Planner): boolean {
  const [shape, indices] = [planner.shape(node, 0), planner.constant(node, 1)];
  if (!shape || indices?.dims.length !== 1) return false;
  if (indices.numbers.length > mostSizes) return false;
  const sizes = indices.numbers.map((i) => shape.at(i));
  return sizes.every((size) => size !== undefined) && planner.setShape(node, sizes);
}

/** Concat of shapes, and of sizes that are known. */
export function planLongerShape(node: OnnxNode, planner: Planner): boolean {
  const shapes = node.inputs.map((_, i) => planner.shape(node, i));
  const sizes = shapes.map((shape, i) => shape ?? planner.constant(node, i)?.numbers ?? null);
  if (int(node, 'axis', 0) !== 0 || shapes.every((shape) => shape === null)) return false;
  if (!sizes.every((list) => list !== null)) return false;
  const count = sizes.reduce((sum, { length }) => sum + length, 0);
  return count <= mostSizes && planner.setShape(node, sizes.flat());
}

/** ConstantOfShape. */
export function planFill(node: OnnxNode, planner: Planner): boolean {
  const [rows, ...dims] = planner.shape(node, 0) ?? [];
  const tensor = node.attributes.get('value')?.tensors[0];
  const number = tensor ? numbersOf(tensor) : [0];
  const type = tensor?.type ?? elements.float;
  const isDouble = type === elements.double;
  if (rows !== 0 || number?.length !== 1 || !(isDouble || type === elements.float)) return false;
  const numbers = Array.from({ length: sizeOf(dims) }, () => number[0]!);
  return planner.set(node, planner.fill({ numbers, dims, isDouble }));
}
