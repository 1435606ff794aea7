import { elements, numbersOf, textsOf } from '../constants.ts';
import type { OnnxNode } from '../graph.ts';
import { floats, int, string } from './attributes.ts';
import { planPlaces } from './plan-rows.ts';
import type { Planner } from './planner.ts';

/** Columns of a value, or labels or numbers by what an ArgMax or ArgMin found. */
export function planExtractor(node: OnnxNode, planner: Planner): boolean {
  const found = planner.input(node, 1);
  if (!found) return planPlaces(node, planner);
  const labels = planner.labels(node, 0);
  if (labels.length > 0)
    return found.labels?.length === labels.length && planner.set(node, { ...found, labels });
  const constant = planner.constant(node, 0);
  if (!constant || found.labels?.length !== constant.numbers.length) return false;
  const type = constant.isDouble ? 'double' : 'float';
  const numbers = planner.numbers({ ...found, labels: constant.numbers, type });
  return numbers !== null && planner.set(node, numbers);
}

export function planOneHot(node: OnnxNode, planner: Planner): boolean {
  const given = planner.input(node);
  const x = given && (given.type === 'label' ? planner.numbers(given) : given);
  // Without zeros an unknown category is an error: there must not be any.
  if (!x || (int(node, 'zeros', 1) !== 1 && !planner.isStrict(x))) return false;
  const texts = node.attributes.get('cats_strings')?.strings ?? [];
  const numbers = node.attributes.get('cats_int64s')?.ints ?? [];
  const to = (categories: unknown[]) => planner.new([...x.dims, categories.length], 'float');
  if (x.type === 'text' && texts.length > 0)
    return planner.set(node, planner.step('oneHotTexts', x, to(texts), { categories: texts }));
  if (x.type === 'text' || x.labels || numbers.length === 0) return false;
  for (let i = 0; i < x.width; i++) planner.typical(x, i, numbers);
  return planner.set(node, planner.step('oneHotNumbers', x, to(numbers), { categories: numbers }));
}

/** What a map's attributes hold of keys or values, under whichever type's name. */
function entries(node: OnnxNode, what: 'keys' | 'values'): (string | number)[] {
  const of = (type: string) => node.attributes.get(`${what}_${type}`);
  const tensor = of('tensor')?.tensors[0];
  if (tensor) return textsOf(tensor) ?? numbersOf(tensor) ?? [];
  return of('strings')?.strings ?? of('int64s')?.ints ?? of('floats')?.floats ?? [];
}

/** What a map gives for keys that it does not hold: by its values' type, ONNX's own default where none is said. */
function otherwise(node: OnnxNode, values: (string | number)[]): string | number | null {
  const tensor = node.attributes.get('default_tensor')?.tensors[0];
  if (tensor) return (textsOf(tensor) ?? numbersOf(tensor) ?? [])[0] ?? null;
  if (typeof values[0] === 'string') return string(node, 'default_string', '_Unused');
  return node.attributes.has('values_floats')
    ? (floats(node, 'default_float')[0] ?? -0)
    : int(node, 'default_int64', -1);
}

/** A map from texts or numbers to labels or numbers. */
export function planEncoder(node: OnnxNode, planner: Planner): boolean {
  const given = planner.input(node);
  const x = given && (given.type === 'label' ? planner.numbers(given) : given);
  const [keys, values] = [entries(node, 'keys'), entries(node, 'values')];
  const other = otherwise(node, values);
  if (!x || x.labels || keys.length === 0 || keys.length !== values.length || other === null) return false;
  const areTexts = typeof keys[0] === 'string';
  if (areTexts ? x.type !== 'text' : x.type !== 'float' && x.type !== 'integer') return false;
  // The first of two keys that are one counts.
  const map = new Map<string | number, string | number>();
  for (const [k, key] of keys.entries()) if (!map.has(key)) map.set(key, values[k]!);
  const [first, results] = [[...map.keys()], [...map.values(), other]];
  const numbers = results.filter((one) => typeof one === 'number');
  const isFloat = node.attributes.has('values_floats') || isFloatTensor(node);
  const to =
    numbers.length === results.length
      ? planner.new(x.dims, isFloat ? 'float' : 'integer')
      : planner.new(x.dims, 'label', { labels: results });
  const codes = numbers.length === results.length ? numbers : [...results.keys()];
  if (areTexts)
    return planner.set(
      node,
      planner.step('encodeTexts', x, to, { keys: first.map(String), at: planner.keep(codes) }),
    );
  const known = first.map(Number);
  for (let i = 0; i < x.width; i++) planner.typical(x, i, known);
  const at = planner.keep([...known, ...codes]);
  return planner.set(node, planner.step('encodeNumbers', x, to, { count: known.length, at }));
}

const isFloatTensor = (node: OnnxNode): boolean =>
  node.attributes.get('values_tensor')?.tensors[0]?.type === elements.float;
