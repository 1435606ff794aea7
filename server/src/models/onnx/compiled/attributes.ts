import type { OnnxNode } from '../graph.ts';
import type { Planner, Value } from './planner.ts';

export const int = (node: OnnxNode, name: string, otherwise: number): number =>
  node.attributes.get(name)?.ints[0] ?? otherwise;
export const floats = (node: OnnxNode, name: string): number[] => node.attributes.get(name)?.floats ?? [];
export const string = (node: OnnxNode, name: string, otherwise: string): string =>
  node.attributes.get(name)?.strings[0] ?? otherwise;

/** One constant for each column: as many are given, or one for all. */
export function forEach(numbers: number[], width: number): number[] | null {
  if (numbers.length === width) return numbers;
  return numbers.length === 1 ? Array.from({ length: width }, () => numbers[0]!) : null;
}

/** An input of float32, in columns; whole numbers are cast by the operators that call this, as onnxruntime casts them. */
export function floatInput(node: OnnxNode, planner: Planner, alsoWhole = false): Value | null {
  const given = planner.input(node);
  const x = given?.dims.length === 1 ? planner.numbers(given) : null;
  if (x?.type === 'float') return x;
  if (!alsoWhole || (x?.type !== 'integer' && x?.type !== 'double')) return null;
  return planner.step('round', x, planner.new(x.dims, 'float', same(x)), {});
}

/** The same of operators that compute in double precision what is double. */
export function realInput(node: OnnxNode, planner: Planner): Value | null {
  const given = planner.input(node);
  const x = given?.dims.length === 1 ? planner.numbers(given) : null;
  return x?.type === 'double' ? x : floatInput(node, planner);
}

/** For a value whose numbers stand for those of another. */
export const same = ({ columns }: Value): Pick<Value, 'columns'> => (columns ? { columns } : {});
