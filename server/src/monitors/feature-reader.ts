import type { Feature } from '../signature.ts';
import { shares } from '../stats/psi.ts';
import { nearest } from '../texts.ts';
import type { FeatureBaseline } from './baseline.ts';
import { numberText } from './wording.ts';

/** How one feature's live values are read against its baseline. */
export interface FeatureReader {
  readonly name: string;
  /** Text of each bin: "≤ 0.0442", "0.0442 – 0.0511", or a category. */
  readonly bins: string[];
  /** Training rows in each bin. */
  readonly baselineCounts: number[];
  readonly baselineShares: number[];
  /** Of a value that is not NaN, as it stands in a Frame or event with these texts. */
  bin(value: number, texts: string[]): number;
  /** Whether a value that is not NaN was never seen in training: beyond its range, an unknown category, or not the constant. */
  outside(value: number, texts: string[]): boolean;
  /** The number that a value stands for. */
  number(value: number, texts: string[]): number;
  /** A category's name; null for numbers. */
  text(value: number, texts: string[]): string | null;
}

export function featureReader(feature: Feature, baseline: FeatureBaseline): FeatureReader {
  if (feature.type === 'integer') return integers(featureReader({ ...feature, type: 'number' }, baseline));
  if (feature.type === 'tensor')
    return reader(
      baseline,
      ['any'],
      [0],
      () => 0,
      () => false,
    );
  if (baseline.categories !== null) return categoryReader(feature, baseline, baseline.categories);
  if (baseline.constant !== null) return constantReader(baseline, baseline.constant);
  if (baseline.numeric !== null) return numberReader(baseline, baseline.numeric);
  // Training never had a value: whatever comes is news.
  return reader(
    baseline,
    ['any'],
    [0],
    () => 0,
    () => true,
  );
}

/** Whole numbers that no float64 holds are read as the nearest one. */
function integers(numbers: FeatureReader): FeatureReader {
  return {
    ...numbers,
    number: nearest,
    bin: (value, texts) => numbers.bin(nearest(value, texts), texts),
    outside: (value, texts) => numbers.outside(nearest(value, texts), texts),
  };
}

function reader(
  baseline: FeatureBaseline,
  bins: string[],
  counts: number[],
  bin: FeatureReader['bin'],
  outside: FeatureReader['outside'],
  text: FeatureReader['text'] = () => null,
): FeatureReader {
  return {
    name: baseline.name,
    bins,
    baselineCounts: counts,
    baselineShares: shares(counts),
    bin,
    outside,
    number: (value) => value,
    text,
  };
}

function constantReader(baseline: FeatureBaseline, constant: number): FeatureReader {
  const text = numberText(constant);
  const n = baseline.numeric?.counts.reduce((sum, count) => sum + count, 0) ?? 0;
  return reader(
    baseline,
    [`< ${text}`, `= ${text}`, `> ${text}`],
    [0, n, 0],
    (value) => (value < constant ? 0 : value === constant ? 1 : 2),
    (value) => value !== constant,
  );
}

function numberReader(
  baseline: FeatureBaseline,
  numeric: NonNullable<FeatureBaseline['numeric']>,
): FeatureReader {
  const { edges, min, max } = numeric;
  const texts = edges.map(numberText);
  const bins =
    edges.length === 0
      ? ['any']
      : [`≤ ${texts[0]}`, ...texts.slice(1).map((text, k) => `${texts[k]} – ${text}`), `> ${texts.at(-1)}`];
  return reader(
    baseline,
    bins,
    numeric.counts,
    (value) => {
      // At most 19 edges: a walk is as quick as a search.
      let k = 0;
      while (k < edges.length && value > edges[k]!) k++;
      return k;
    },
    (value) => value < min || value > max,
  );
}

function categoryReader(
  feature: Feature,
  baseline: FeatureBaseline,
  categories: NonNullable<FeatureBaseline['categories']>,
): FeatureReader {
  const other = categories.values.length;
  const places = new Map(categories.values.map((category, k) => [String(category), k]));
  const named = feature.type === 'boolean' ? ['false', 'true'] : feature.categories;
  // By index for named ones, by value for codes: no text is made for a row.
  const byValue = new Map<number, number>();
  named?.forEach((name, index) => {
    byValue.set(index, places.get(String(name)) ?? other);
  });
  if (named === undefined) for (const [k, code] of categories.values.entries()) byValue.set(Number(code), k);
  const place =
    feature.type === 'string'
      ? (value: number, texts: string[]) => places.get(texts[value] ?? '') ?? other
      : (value: number) => byValue.get(value) ?? other;
  return reader(
    baseline,
    [...categories.values.map(String), 'other'],
    [...categories.counts, categories.other],
    place,
    // Where training had more categories than are kept, an unknown one may be one of those.
    (value, texts) => categories.other === 0 && place(value, texts) === other,
    (value, texts) => String(categoryOf(feature, value, texts)),
  );
}

/** The category that a column's value stands for. */
export function categoryOf(feature: Feature, value: number, texts: string[]): string | number {
  if (feature.type === 'string') return texts[value] ?? '';
  if (feature.type === 'boolean') return value === 0 ? 'false' : 'true';
  return feature.categories?.[value] ?? value;
}
