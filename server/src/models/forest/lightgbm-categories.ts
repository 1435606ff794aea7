import type { Feature } from '../../signature.ts';
import type { Forest } from './forest.ts';
import { Rule } from './forest.ts';
import type { LightgbmHeader } from './lightgbm-header.ts';
import type { LightgbmText } from './lightgbm-text.ts';

/** What follows the trees. */
export interface LightgbmTail {
  /** Feature indices of the parameter `categorical_feature`. */
  categorical: number[];
  /** Categories of each pandas column of dtype category, in the columns' order; the index is the code. Null: none. */
  pandas: (string | number)[][] | null;
}

/** Reads to the end, from the line “end of trees” on, which must be the present one. */
export function readTail(text: LightgbmText, header: LightgbmHeader): LightgbmTail {
  if (text.text() !== 'end of trees') throw text.broken(`line ${text.line}`, '“end of trees” is missing');
  const tail: LightgbmTail = { categorical: [], pandas: null };
  let part: 'between' | 'importances' | 'parameters' = 'between';
  while (text.next()) {
    if (text.isBlank()) continue;
    const line = text.text();
    if (part === 'parameters') {
      if (line === 'end of parameters') part = 'between';
      else if (!line.startsWith('[')) throw text.broken(`line ${text.line}`, 'is no parameter');
      else if (line.startsWith(categoricalFeature))
        tail.categorical = readIndices(text, line, header.features);
    } else if (line === 'feature_importances:' || line === 'feature importances:') part = 'importances';
    else if (line === 'parameters:') part = 'parameters';
    else if (line.startsWith(pandasCategorical)) tail.pandas = readPandas(text, line);
    else if (part !== 'importances' || !line.includes('=')) {
      throw text.broken(`line ${text.line}`, 'has no place in a LightGBM file');
    }
  }
  if (part === 'parameters') {
    throw text.broken('the file’s end', 'the file is cut off: the line “end of parameters” is missing');
  }
  return tail;
}

const categoricalFeature = '[categorical_feature:';
const pandasCategorical = 'pandas_categorical:';

function readIndices(text: LightgbmText, line: string, features: number): number[] {
  const list = line.slice(categoricalFeature.length, -1);
  // Before LightGBM resolves it the parameter may also hold names: then it says nothing here.
  if (!/^[\d, ]*$/.test(list)) return [];
  const indices = list
    .split(',')
    .filter((item) => item.trim() !== '')
    .map(Number);
  if (indices.some((index) => index >= features))
    throw text.broken('categorical_feature', 'names a feature that there is not');
  return indices;
}

function readPandas(text: LightgbmText, line: string): (string | number)[][] | null {
  let lists: unknown;
  try {
    lists = JSON.parse(line.slice(pandasCategorical.length));
  } catch {
    throw text.broken('pandas_categorical', 'is no JSON');
  }
  if (lists === null) return null;
  if (!Array.isArray(lists)) throw text.broken('pandas_categorical', 'is no list');
  return lists.map((list: unknown) => {
    if (!Array.isArray(list)) throw text.broken('pandas_categorical', 'is no list of lists');
    return list.map((name: unknown) => {
      if (typeof name === 'boolean') return String(name);
      if (typeof name === 'string' || typeof name === 'number') return name;
      throw text.broken('pandas_categorical', 'holds a category that is neither a text nor a number');
    });
  });
}

/** The features with their types: categories have names where the model was trained on a pandas frame. */
export function nameFeatures(
  text: LightgbmText,
  { names, infos }: LightgbmHeader,
  { categorical, pandas }: LightgbmTail,
  forest: Forest,
): Feature[] {
  const codes = categoryCodes(forest);
  for (const index of categorical) if (!codes.has(index)) codes.set(index, 0);
  infos?.forEach((info, index) => {
    if (!info.startsWith('[') && info !== 'none' && !codes.has(index)) codes.set(index, 0);
  });
  const indices = [...codes.keys()].sort((a, b) => a - b);
  const hint =
    'Train with every category column as an unordered pandas category, or with integer codes only.';
  // LightGBM keeps the names by column order only. Ordered categories are numbers to it, yet are in the list.
  const lists = (pandas ?? []).length === 0 ? null : pandas!;
  if (lists !== null && lists.length !== indices.length) {
    const why = `names the categories of ${lists.length} columns, but ${indices.length} features are categorical, so it cannot be told whose they are`;
    throw text.unsupported('pandas_categorical', why, hint);
  }
  return names.map((name, index): Feature => {
    const place = indices.indexOf(index);
    if (place < 0) return { name, type: 'number' };
    const categories = lists?.[place];
    if (categories === undefined) {
      const seen = codesSeen(infos?.[index]);
      return { name, type: 'category', ...(seen ? { seen } : {}) };
    }
    if (codes.get(index)! > categories.length) {
      throw text.unsupported(
        'pandas_categorical',
        `has fewer categories for ${name} than the trees use`,
        hint,
      );
    }
    return { name, type: 'category', categories };
  });
}

/** More than a person looks at are not kept. */
const mostSeen = 1000;

/** The codes of a feature in `feature_infos`: "-1:18:0:75", most frequent first; negative ones are missing values. */
function codesSeen(info: string | undefined): number[] | null {
  if (info === undefined || !/^-?\d{1,9}(:-?\d{1,9})*$/.test(info)) return null;
  const codes = info.split(':').map(Number);
  return codes.length > mostSeen ? null : codes.filter((code) => code >= 0).sort((a, b) => a - b);
}

/** For each feature with categorical splits, the greatest code in their sets, plus one. */
function categoryCodes(forest: Forest): Map<number, number> {
  const codes = new Map<number, number>();
  const { start, words } = forest.sets;
  for (let node = 0; node < forest.feature.length; node++) {
    if ((forest.rule[node]! & Rule.categorical) === 0) continue;
    const set = forest.threshold[node]!;
    let last = start[set + 1]! - 1;
    while (last >= start[set]! && words[last] === 0) last--;
    const beyond = last < start[set]! ? 0 : 32 * (last - start[set]!) + 32 - Math.clz32(words[last]!);
    codes.set(forest.feature[node]!, Math.max(codes.get(forest.feature[node]!) ?? 0, beyond));
  }
  return codes;
}
