import { elements } from '../constants.ts';
import type { OnnxNode } from '../graph.ts';
import { floatInput, int, same } from './attributes.ts';
import type { Planner, Value } from './planner.ts';

export function planSame(node: OnnxNode, planner: Planner): boolean {
  const x = planner.input(node);
  return x !== null && planner.set(node, x);
}

export function planConstant(node: OnnxNode, planner: Planner): boolean {
  const tensor = node.attributes.get('value')?.tensors[0];
  if (!tensor || !node.outputs[0]) return false;
  planner.addConstant(node.outputs[0], tensor);
  return true;
}

/** Numbers to float32; labels and whole numbers to whole numbers. */
export function planCast(node: OnnxNode, planner: Planner): boolean {
  const x = planner.input(node);
  const to = int(node, 'to', 0);
  if (!x) return false;
  if (x.labels)
    return (
      (to === elements.int32 || to === elements.int64) &&
      x.labels.every(Number.isInteger) &&
      planner.set(node, x)
    );
  if (x.type === 'integer' && to === elements.int64) return planner.set(node, x);
  if (x.type === 'text' || to !== elements.float) return false;
  if (x.type === 'float') return planner.set(node, x);
  return planner.set(node, planner.step('round', x, planner.new(x.width, 'float', same(x)), {}));
}

/** To the shape that a value has already: rows, or rows and its columns. */
export function planReshape(node: OnnxNode, planner: Planner): boolean {
  const x = planner.input(node);
  const shape = planner.constant(node, 1)?.numbers;
  if (!x || !shape || (shape[0] !== -1 && shape[0] !== 0)) return false;
  const same =
    shape.length === 1 ? shape[0] === -1 && x.width === 1 : shape.length === 2 && shape[1] === x.width;
  return same && planner.set(node, x);
}

export function planConcat(node: OnnxNode, planner: Planner): boolean {
  const values = node.inputs.map((_, i) => planner.input(node, i));
  if (!values.every((value) => value?.type === 'float') || ![1, -1].includes(int(node, 'axis', 1)))
    return false;
  return planner.set(node, planner.concat(values as Value[]));
}

/** Columns of a value, or labels by what an ArgMax found. */
export function planExtractor(node: OnnxNode, planner: Planner): boolean {
  const found = planner.input(node, 1);
  if (!found) return planPick(node, planner);
  const labels = planner.labels(node, 0);
  if (found.labels?.length !== labels.length) return false;
  return planner.set(node, { ...found, labels });
}

export function planPick(node: OnnxNode, planner: Planner): boolean {
  const x = planner.input(node);
  const columns = planner.constant(node, 1)?.numbers;
  if (!x || !columns || columns.length === 0 || !columns.every((one) => one >= 0 && one < x.width))
    return false;
  const to = planner.new(columns.length, x.type, { columns: columns.map((i) => x.columns?.[i] ?? -1) });
  return planner.set(node, planner.step('pick', x, to, { columns }));
}

export function planOneHot(node: OnnxNode, planner: Planner): boolean {
  const x = planner.input(node);
  // Without zeros an unknown category is an error: there must not be any.
  if (!x || (int(node, 'zeros', 1) !== 1 && !planner.isStrict(x))) return false;
  const texts = node.attributes.get('cats_strings')?.strings ?? [];
  const numbers = node.attributes.get('cats_int64s')?.ints ?? [];
  const to = (categories: unknown[]) => planner.new(x.width * categories.length, 'float');
  if (x.type === 'text' && texts.length > 0)
    return planner.set(node, planner.step('oneHotTexts', x, to(texts), { categories: texts }));
  if (x.type === 'text' || x.type === 'label' || numbers.length === 0) return false;
  for (let i = 0; i < x.width; i++) planner.typical(x, i, numbers);
  return planner.set(node, planner.step('oneHotNumbers', x, to(numbers), { categories: numbers }));
}

export function planArgMax(node: OnnxNode, planner: Planner): boolean {
  const x = floatInput(node, planner);
  if (!x || ![1, -1].includes(int(node, 'axis', 0)) || int(node, 'select_last_index', 0) !== 0) return false;
  const labels = Array.from({ length: x.width }, (_, k) => k);
  return planner.set(node, planner.step('argMax', x, planner.new(1, 'label', { labels }), {}));
}
