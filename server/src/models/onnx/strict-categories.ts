import type { Feature, TensorSpec } from '../../signature.ts';
import type { Frame } from '../../tensor.ts';
import { elements, numbersOf } from './constants.ts';
import type { OnnxGraph, OnnxNode } from './graph.ts';

/**
 * Features that an encoder takes only a few categories of: scikit-learn's OneHotEncoder, unless it was told to ignore
 * others, becomes an operator that fails the whole call for one unknown category. Where the encoder stands on
 * inputs as they came (selected, cast, joined), its categories are known beforehand, and the feature is one of them;
 * of an encoder that ignores others they are what training saw.
 */
export function withStrictCategories(graph: OnnxGraph, inputs: TensorSpec[], features: Feature[]): Feature[] {
  const all = [...features];
  for (const node of graph.nodes) {
    if (node.op !== 'OneHotEncoder') continue;
    const isStrict = node.attributes.get('zeros')?.ints[0] === 0;
    const texts = node.attributes.get('cats_strings')?.strings ?? [];
    const categories: (string | number)[] =
      texts.length > 0 ? texts : (node.attributes.get('cats_int64s')?.ints ?? []);
    for (const column of inputColumns(graph, inputs, node.inputs[0] ?? '') ?? []) {
      const { name, type, categories: before = categories } = all[column]!;
      // An encoder of texts on numbers would compare what the graph's Cast writes.
      const isText = before === categories ? type === 'string' : typeof before[0] === 'string';
      if (isText !== texts.length > 0) continue;
      if (!isStrict) {
        all[column] = { ...all[column]!, seen: all[column]!.seen ?? categories };
        continue;
      }
      const both = before.filter((one) => categories.includes(one));
      if (both.length > 0) all[column] = { name, type: 'category', categories: both, strict: true };
    }
  }
  return all;
}

/** Which columns of the inputs a tensor holds, one after the other; null where it is more than a selection of them. */
function inputColumns(graph: OnnxGraph, inputs: TensorSpec[], name: string): number[] | null {
  const input = inputs.find((one) => one.name === name);
  if (input) return Array.from({ length: input.width }, (_, i) => input.column + i);
  const node = graph.nodes.find(({ outputs }) => outputs.includes(name));
  if (!node) return null;
  const first = inputColumns(graph, inputs, node.inputs[0] ?? '');
  if (['Identity', 'Cast', 'Reshape', 'Flatten'].includes(node.op)) return first;
  if (node.op === 'Concat') {
    const parts = node.inputs.map((one) => inputColumns(graph, inputs, one));
    return parts.some((part) => part === null) ? null : (parts as number[][]).flat();
  }
  const picks =
    node.op === 'ArrayFeatureExtractor' || isOfColumns(node) ? constant(graph, node.inputs[1]) : null;
  return first && picks?.every((i) => i in first) ? picks.map((i) => first[i]!) : null;
}

function isOfColumns({ op, attributes }: OnnxNode): boolean {
  return op === 'Gather' && attributes.get('axis')?.ints[0] === 1;
}

function constant({ nodes, initializers }: OnnxGraph, name = ''): number[] | null {
  const tensor =
    initializers.find((one) => one.name === name) ??
    nodes.find(({ op, outputs }) => op === 'Constant' && outputs.includes(name))?.attributes.get('value')
      ?.tensors[0];
  return tensor && [elements.int32, elements.int64].includes(tensor.type as 6 | 7) ? numbersOf(tensor) : null;
}

/** Makes of a frame's strict categories the texts and numbers that they stand for; the frame itself where there are none. */
export function plainRows(features: Feature[]): (frame: Frame) => Frame {
  const texts: string[] = [];
  const strict = features.flatMap(({ strict, categories = [] }, column) => {
    if (!strict) return [];
    const first = texts.length;
    const isText = typeof categories[0] === 'string';
    if (isText) texts.push(...categories.map(String));
    return [{ column, isText, first, categories }];
  });
  if (strict.length === 0) return (frame) => frame;
  let values = new Float64Array();
  return ({ rows, width, values: given, texts: own }) => {
    const size = rows * width;
    if (values.length < size) values = new Float64Array(size);
    values.set(given.length === size ? given : given.subarray(0, size));
    for (const { column, isText, first, categories } of strict)
      for (let at = column; at < size; at += width)
        values[at] = isText ? own.length + first + values[at]! : Number(categories[values[at]!]);
    return { rows, width, values, texts: own.length > 0 ? [...own, ...texts] : texts };
  };
}
