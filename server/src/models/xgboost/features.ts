import type { Feature } from '../../signature.ts';
import type { Forest } from '../forest/forest.ts';
import { Rule } from '../forest/forest.ts';
import type { Document } from './document.ts';
import type { EncodedColumn, Learner } from './learner.ts';

/**
 * The features in order: `f0`, `f1` … where the file has no names, as XGBoost itself has it. Types are XGBoost's
 * `feature_types`: q, float and int are numbers, i (a column of booleans) boolean, c categories.
 */
export function featuresOf(
  { version, featureNames, featureTypes, booster }: Learner,
  count: number,
  forest: Forest | null,
  document: Document,
): Feature[] {
  for (const [place, list] of [
    ['learner.feature_names', featureNames],
    ['learner.feature_types', featureTypes],
    ['learner.gradient_booster.model.cats.enc', booster.categories],
  ] as const) {
    if (list.length !== 0 && list.length !== count) {
      document.broken(place, `has ${list.length} entries, but num_feature is ${count}`);
    }
  }
  if (new Set(featureNames).size < featureNames.length) {
    document.broken('learner.feature_names', 'two features have the same name');
  }
  const splits = new Set(forest?.feature.filter((_, node) => (forest.rule[node]! & Rule.categorical) !== 0));
  return Array.from({ length: count }, (_, index): Feature => {
    const name = featureNames[index] ?? `f${index}`;
    const type = featureTypes[index];
    if (type === 'i') return { name, type: 'boolean' };
    if (type !== 'c' && !splits.has(index)) return { name, type: 'number' };
    const categories = namesOf(booster.categories[index], name, version, document);
    return categories.length === 0 ? { name, type: 'category' } : { name, type: 'category', categories };
  });
}

/**
 * The names of a column's categories by their code (XGBoost's `CatContainer`); none if it is coded by numbers. Up to
 * 3.2 at least, XGBoost's reader of pandas frames counts a name's letters where its bytes were to be counted
 * (`npstr_to_arrow_strarr`), so names beyond ASCII lie in the file cut in the wrong places; 3.5 counts bytes.
 */
function namesOf(
  column: EncodedColumn | undefined,
  feature: string,
  [major = 0, minor = 0]: number[],
  document: Document,
): (string | number)[] {
  if (column === undefined) return [];
  const { offsets, values } = column;
  if (offsets === null) return [...values];
  const place = 'learner.gradient_booster.model.cats';
  const bytes = Buffer.from(values.map((byte) => byte & 255));
  if ((major < 3 || (major === 3 && minor < 5)) && bytes.some((byte) => byte > 127)) {
    const why = `the category names of ${feature} are not all ASCII, and XGBoost ${major}.${minor} may have cut them in the wrong places`;
    document.unsupported(place, why, 'Train with categories named in ASCII, or with XGBoost 3.5.');
  }
  return Array.from({ length: Math.max(0, offsets.length - 1) }, (_, code) => {
    const [from, to] = [offsets[code]!, offsets[code + 1]!];
    if (!(Number.isInteger(from) && from >= 0 && to >= from && to <= bytes.length)) {
      document.broken(place, `the category names of ${feature} do not lie one after another`);
    }
    return bytes.toString('utf8', from, to);
  });
}
