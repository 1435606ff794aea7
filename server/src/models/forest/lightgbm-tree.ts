import type { LightgbmText, Value } from './lightgbm-text.ts';
import { numbers } from './lightgbm-text.ts';

/** One tree as the file has it: counts agree, every child, feature and category set exists, and it is a tree. */
export interface LightgbmTree {
  feature: Float64Array;
  /** What each split gained in training; null where the file does not say it of all. Nothing is decided by it. */
  gain: number[] | null;
  threshold: Float64Array;
  decision: Float64Array;
  /** >= 0 a node of this tree, else ~leaf. */
  left: Float64Array;
  right: Float64Array;
  leaves: Float64Array;
  /** Set k of this tree: words[bounds[k]] up to bounds[k + 1]. */
  bounds: Float64Array;
  words: Float64Array;
  linear: {
    constant: Float64Array;
    counts: Float64Array;
    feature: Float64Array;
    coefficient: Float64Array;
  } | null;
}

export const decisionBits = { categorical: 1, defaultLeft: 2, missing: 12, missingZero: 4, missingNaN: 8 };

const known = new Set(
  `num_leaves num_cat split_feature split_gain threshold decision_type left_child right_child leaf_value leaf_weight
  leaf_count internal_value internal_weight internal_count cat_boundaries cat_threshold is_linear leaf_const
  num_features leaf_features leaf_coeff shrinkage`.split(/\s+/),
);

/** Reads the tree whose first line is the present one; the line after it is then present. */
export function readTree(text: LightgbmText, index: number, features: number): LightgbmTree {
  const fields = readFields(text, index);
  const fail = (key: string, why: string): never => {
    throw text.broken(`tree ${index}, ${key}`, why);
  };
  const read = (key: string, count: number, type: Parameters<typeof numbers>[2]): Float64Array => {
    const value = fields.get(key);
    if (value === undefined && count > 0) fail(key, 'is missing');
    return numbers(value === undefined ? '' : text.valueText(value, 'latin1'), count, type, (why) =>
      fail(key, why),
    );
  };
  const within = (key: string, values: Float64Array, low: number, high: number): Float64Array => {
    for (const value of values) {
      if (value < low || value > high) fail(key, `${value} is not between ${low} and ${high}`);
    }
    return values;
  };

  const count = within('num_leaves', read('num_leaves', 1, 'int32'), 1, 2 ** 31 - 1)[0]!;
  const leaves = read('leaf_value', count, 'float');
  const nodes = count - 1;
  const sets = fields.has('num_cat') ? within('num_cat', read('num_cat', 1, 'int32'), 0, nodes)[0]! : 0;
  const bounds = sets > 0 ? read('cat_boundaries', sets + 1, 'int32') : new Float64Array(1);
  for (let k = 0; k < sets; k++) {
    if (bounds[0] !== 0 || bounds[k + 1]! < bounds[k]!) fail('cat_boundaries', 'does not rise from 0');
  }
  const tree: LightgbmTree = {
    feature: within('split_feature', read('split_feature', nodes, 'int32'), 0, features - 1),
    gain: gainsOf(fields.get('split_gain'), nodes, text),
    threshold: read('threshold', nodes, 'threshold'),
    decision: within('decision_type', read('decision_type', nodes, 'int32'), 0, 11),
    left: within('left_child', read('left_child', nodes, 'int32'), -count, nodes - 1),
    right: within('right_child', read('right_child', nodes, 'int32'), -count, nodes - 1),
    leaves,
    bounds,
    words: read('cat_threshold', bounds[sets]!, 'uint32'),
    linear: null,
  };
  checkCategories(tree, sets, fail);
  checkShape(tree, fail);
  if (fields.has('is_linear') && within('is_linear', read('is_linear', 1, 'int32'), 0, 1)[0] === 1) {
    const counts = within('num_features', read('num_features', count, 'int32'), 0, features);
    const terms = counts.reduce((sum, terms) => sum + terms, 0);
    tree.linear = {
      constant: read('leaf_const', count, 'float'),
      counts,
      feature: within('leaf_features', read('leaf_features', terms, 'int32'), 0, features - 1),
      coefficient: read('leaf_coeff', terms, 'float'),
    };
  }
  return tree;
}

function gainsOf(value: Value | undefined, nodes: number, text: LightgbmText): number[] | null {
  if (value === undefined) return null;
  const gains = text
    .valueText(value, 'latin1')
    .split(' ', nodes + 1)
    .map(Number);
  return gains.length === nodes && gains.every(Number.isFinite) ? gains : null;
}

function readFields(text: LightgbmText, index: number): Map<string, Value> {
  const place = `tree ${index}`;
  if (text.text() !== `Tree=${index}`) throw text.broken(`line ${text.line}`, `“Tree=${index}” is missing`);
  const fields = new Map<string, Value>();
  while (text.next()) {
    if (text.isBlank()) continue;
    const { key, value } = text.field();
    if (key === 'Tree' || key === 'end of trees') return fields;
    if (value === null || !known.has(key))
      throw text.broken(place, `line ${text.line} is no field of a tree: “${key}”`);
    if (fields.has(key)) throw text.broken(place, `${key} appears twice`);
    fields.set(key, value);
  }
  throw text.broken(place, 'the file is cut off: the line “end of trees” is missing');
}

function checkCategories({ decision, threshold }: LightgbmTree, sets: number, fail: Fail): void {
  for (let node = 0; node < decision.length; node++) {
    if ((decision[node]! & decisionBits.categorical) === 0) continue;
    const set = threshold[node]!;
    if (!Number.isInteger(set) || set < 0 || set >= sets) {
      fail('threshold', `node ${node} names category set ${set}, but num_cat is ${sets}`);
    }
  }
}

/** Every node but the root, and every leaf, is reached from the root, and once. */
function checkShape({ left, right, leaves }: LightgbmTree, fail: Fail): void {
  const nodes = left.length;
  const reached = new Uint8Array(nodes + leaves.length);
  const waiting = nodes > 0 ? [0] : [];
  let seen = waiting.length;
  if (nodes > 0) reached[0] = 1;
  while (waiting.length > 0) {
    const node = waiting.pop()!;
    for (const [key, child] of [
      ['left_child', left[node]!],
      ['right_child', right[node]!],
    ] as const) {
      const place = child >= 0 ? child : nodes + ~child;
      if (reached[place] === 1) fail(key, `node ${node} leads to ${child}, which is reached twice`);
      reached[place] = 1;
      seen++;
      if (child >= 0) waiting.push(child);
    }
  }
  if (nodes > 0 && seen < reached.length) fail('left_child', 'some nodes are not reached from the root');
}

type Fail = (key: string, why: string) => never;
