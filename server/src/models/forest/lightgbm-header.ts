import type { LightgbmText, Value } from './lightgbm-text.ts';
import { numbers } from './lightgbm-text.ts';

/** What stands before the first tree. */
export interface LightgbmHeader {
  /** "v4" */
  version: string;
  classes: number;
  /** num_tree_per_iteration: one a class. Not yet compared with the number of trees. */
  groups: number;
  features: number;
  names: string[];
  /** "none", "[least:greatest]" or category codes separated by ":"; null if the file has no such line. */
  infos: string[] | null;
  /** What follows `objective=`; null: a custom objective, whose answers are the raw sums. */
  objective: string | null;
  /** The answer is the mean of the rounds, not their sum (random forests). */
  average: boolean;
  /** How many trees `tree_sizes` lists; null if there is no such line. */
  trees: number | null;
}

const versions = ['v2', 'v3', 'v4'];
const known = new Set([
  'version',
  'num_class',
  'num_tree_per_iteration',
  'label_index',
  'max_feature_idx',
  'objective',
  'average_output',
  'feature_names',
  'monotone_constraints',
  'feature_infos',
  'tree_sizes',
]);

/** Reads up to the first line of the first tree (or of what follows the trees), which is then the present line. */
export function readHeader(text: LightgbmText): LightgbmHeader {
  if (!text.next() || text.text() !== 'tree') {
    throw text.broken('line 1', 'a LightGBM text file begins with the line “tree”');
  }
  const fields = readFields(text);
  const word = (key: string): string | null => {
    const value = fields.get(key);
    return value === undefined ? null : text.valueText(value, 'utf8');
  };
  const integer = (key: string, least: number): number => {
    const fail = (why: string): never => {
      throw text.broken(key, why);
    };
    const value = numbers(word(key) ?? fail('is missing'), 1, 'int32', fail)[0]!;
    return value >= least ? value : fail(`is ${value}, but must be at least ${least}`);
  };
  const list = (key: string, length: number): string[] | null => {
    const items = word(key)?.split(' ') ?? null;
    if (items !== null && items.length !== length) {
      throw text.broken(key, `has ${items.length} entries instead of ${length} (max_feature_idx + 1)`);
    }
    return items;
  };

  const version = word('version') ?? '';
  if (!versions.includes(version)) {
    const hint = `Slipway reads LightGBM’s formats ${versions.join(', ')}, as written by LightGBM 2 to 4.`;
    throw text.unsupported('version', `is “${version.slice(0, 40)}”`, hint);
  }
  const features = integer('max_feature_idx', 0) + 1;
  const names = list('feature_names', features);
  if (names === null) throw text.broken('feature_names', 'is missing');
  if (new Set(names).size < names.length) {
    throw text.broken('feature_names', 'two features have the same name');
  }
  return {
    version,
    classes: integer('num_class', 1),
    groups: integer('num_tree_per_iteration', 1),
    features,
    names,
    infos: list('feature_infos', features),
    objective: word('objective'),
    average: fields.has('average_output'),
    trees: word('tree_sizes')?.split(' ').length ?? null,
  };
}

function readFields(text: LightgbmText): Map<string, Value> {
  const fields = new Map<string, Value>();
  while (text.next()) {
    if (text.isBlank()) continue;
    const { key, value } = text.field();
    if (key === 'Tree' || key === 'end of trees') return fields;
    if (!known.has(key)) {
      const hint = 'Slipway knows the fields that LightGBM 2 to 4 write; it does not guess what others mean.';
      throw text.unsupported(`line ${text.line}`, `unknown field “${key}”`, hint);
    }
    if (fields.has(key)) throw text.broken(key, 'appears twice');
    if ((value === null) !== (key === 'average_output'))
      throw text.broken(key, 'is not in the form it should have');
    fields.set(key, value ?? { from: 0, to: 0 });
  }
  throw text.broken('the file’s end', 'the file is cut off before its first tree');
}
