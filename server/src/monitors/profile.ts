import { type Feature, isText } from '../signature.ts';
import { ExactSum } from '../stats/exact-sum.ts';
import { psi, shares } from '../stats/psi.ts';
import { quantile } from '../stats/quantile.ts';
import type { Frame } from '../tensor.ts';
import type { Baseline, FeatureBaseline } from './baseline.ts';
import { categoryOf, featureReader } from './feature-reader.ts';

/** Labels of the training rows: classes by their text, or values. */
export interface ProfileLabels {
  task: 'classification' | 'regression';
  values: ArrayLike<string | number>;
}

/** Quantile bins of a numeric feature, and fewest training rows in one. */
const mostBins = 10;
const leastInBin = 10;
const mostCategories = 100;
/** Sizes of the training data's own stretches: 500, 2000, 8000 … rows, while four of them fit. */
const firstStretch = 500;

/**
 * The profile of training rows: one entry a feature, in the frame's column order. Rows keep their order, which
 * is taken for the order of time where stretches are compared. `promise` stays null: whoever scores the rows sets it.
 */
export function profile(features: Feature[], frame: Frame, labels?: ProfileLabels): Baseline {
  return {
    format: 1,
    rows: frame.rows,
    features: features.map((feature, column) => profileFeature(feature, frame, column)),
    labels: labels?.task === 'classification' ? labelShares(labels.values) : null,
    target: labels?.task === 'regression' ? spread(finiteOf(labels.values)) : null,
    promise: null,
  };
}

function profileFeature(feature: Feature, frame: Frame, column: number): FeatureBaseline {
  const present: number[] = [];
  for (let row = 0; row < frame.rows; row++) {
    const value = frame.values[row * frame.width + column]!;
    if (Number.isFinite(value)) present.push(value);
  }
  const named = isText(feature) || feature.type === 'boolean' || feature.categories !== undefined;
  const one: FeatureBaseline = {
    name: feature.name,
    missing: frame.rows - present.length,
    constant: isText(feature) ? null : constantOf(present),
    numeric: named || present.length === 0 ? null : profileNumbers(present),
    categories:
      feature.type !== 'tensor' && (named || feature.type === 'category')
        ? profileCategories(feature, present, frame.texts)
        : null,
  };
  one.stretches = stretchesOf(feature, one, frame, column);
  return one;
}

function constantOf(present: number[]): number | null {
  const first = present[0];
  return first !== undefined && present.every((value) => value === first) ? first : null;
}

function profileNumbers(present: number[]): NonNullable<FeatureBaseline['numeric']> {
  const ascending = Float64Array.from(present).sort();
  const max = ascending.at(-1)!;
  const bins = Math.max(2, Math.min(mostBins, Math.floor(ascending.length / leastInBin)));
  // Edges are values of the data (the inverse of its distribution function), so that no bin is empty; ties merge
  // bins, and an edge at the maximum would leave none above it.
  const edges: number[] = [];
  for (let k = 1; k < bins; k++) {
    const edge = ascending[Math.ceil((k / bins) * ascending.length) - 1]!;
    if (edge < max && edge !== edges.at(-1)) edges.push(edge);
  }
  const counts = new Array<number>(edges.length + 1).fill(0);
  let bin = 0;
  for (const value of ascending) {
    while (bin < edges.length && value > edges[bin]!) bin++;
    counts[bin]!++;
  }
  return { ...spread(ascending)!, median: quantile(ascending, 0.5), edges, counts };
}

function profileCategories(
  feature: Feature,
  present: number[],
  texts: string[],
): NonNullable<FeatureBaseline['categories']> {
  const counts = new Map<string | number, number>();
  for (const value of present) {
    const category = categoryOf(feature, value, texts);
    counts.set(category, (counts.get(category) ?? 0) + 1);
  }
  // Most frequent first; equal ones by their text, so that the profile is the same for every order of rows.
  const ordered = [...counts].sort(
    ([a, m], [b, n]) => n - m || (String(a) < String(b) ? -1 : String(a) > String(b) ? 1 : 0),
  );
  const kept = ordered.slice(0, mostCategories);
  return {
    values: kept.map(([category]) => category),
    counts: kept.map(([, count]) => count),
    other: ordered.slice(mostCategories).reduce((sum, [, count]) => sum + count, 0),
  };
}

function stretchesOf(
  feature: Feature,
  one: FeatureBaseline,
  frame: Frame,
  column: number,
): { rows: number; psi: number }[] {
  const reader = featureReader(feature, one);
  const whole = reader.baselineShares;
  const found: { rows: number; psi: number }[] = [];
  for (let rows = firstStretch; rows * 4 <= frame.rows; rows *= 4) {
    let largest = 0;
    for (let from = 0; from + rows <= frame.rows; from += rows) {
      const counts = new Array<number>(whole.length).fill(0);
      for (let row = from; row < from + rows; row++) {
        const value = frame.values[row * frame.width + column]!;
        if (Number.isFinite(value)) counts[reader.bin(value, frame.texts)]!++;
      }
      if (counts.some((count) => count > 0)) largest = Math.max(largest, psi(whole, shares(counts)));
    }
    found.push({ rows, psi: largest });
  }
  return found;
}

function labelShares(values: ArrayLike<string | number>): { [label: string]: number } {
  const counts = new Map<string, number>();
  for (let row = 0; row < values.length; row++) {
    const label = String(values[row]);
    counts.set(label, (counts.get(label) ?? 0) + 1);
  }
  const ordered = [...counts].sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(ordered.map(([label, count]) => [label, count / values.length]));
}

function finiteOf(values: ArrayLike<string | number>): Float64Array {
  return Float64Array.from(Array.from(values, Number).filter(Number.isFinite)).sort();
}

/** Of ascending values; sd with n − 1. Null without values. */
function spread(ascending: Float64Array): { mean: number; sd: number; min: number; max: number } | null {
  const n = ascending.length;
  if (n === 0) return null;
  const sum = new ExactSum();
  for (const value of ascending) sum.add(value);
  const mean = sum.value() / n;
  let squares = 0;
  for (const value of ascending) squares += (value - mean) ** 2;
  return { min: ascending[0]!, max: ascending[n - 1]!, mean, sd: n > 1 ? Math.sqrt(squares / (n - 1)) : 0 };
}
