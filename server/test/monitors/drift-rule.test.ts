import { describe, expect, test } from 'vitest';
import type { FeatureBaseline } from '../../src/monitors/baseline.ts';
import { judge, usualPsi } from '../../src/monitors/drift-rule.ts';
import { featureReader } from '../../src/monitors/feature-reader.ts';
import { psi } from '../../src/stats/psi.ts';

const baseline: FeatureBaseline = {
  name: 'x',
  missing: 0,
  constant: null,
  numeric: { min: 0, max: 4, mean: 2, sd: 1, median: 2, edges: [1, 2, 3], counts: [500, 500, 500, 500] },
  categories: null,
};
const reader = featureReader({ name: 'x', type: 'number' }, baseline);
const level = (counts: number[], one = baseline) => judge(reader, one, counts, 1e-6).level;
const quarters = [0.25, 0.25, 0.25, 0.25];

describe('a level needs a shift that matters and that chance does not make', () => {
  test('large enough and certain', () => {
    expect(level([140, 120, 120, 120])).toBeNull();
    expect(level([220, 120, 90, 70])).toBe('look');
    expect(level([300, 100, 60, 40])).toBe('act');
  });

  test('certain, but a hair: 2 million rows a little off', () => {
    const counts = [520_000, 500_000, 500_000, 480_000];
    expect(judge(reader, baseline, counts, 1e-6)).toMatchObject({ level: null });
    expect(psi(quarters, [0.26, 0.25, 0.25, 0.24])).toBeLessThan(0.01);
  });

  test('large, but in a few rows only', () => {
    expect(level([6, 2, 1, 1])).toBeNull();
  });

  test('a small training set is not taken for the truth', () => {
    const counts = { ...baseline.numeric!, counts: [8, 8, 8, 8] };
    const small = featureReader({ name: 'x', type: 'number' }, { ...baseline, numeric: counts });
    expect(judge(small, baseline, [220, 120, 90, 70], 1e-6).level).toBeNull();
  });
});

describe('the training data’s own stretches', () => {
  const stretches = [
    { rows: 500, psi: 0.3 },
    { rows: 2000, psi: 0.12 },
  ];
  const restless = { ...baseline, stretches };

  test('a window must differ more than those of its length did', () => {
    const shifted = [260, 110, 80, 50];
    expect(level(shifted)).toBe('act');
    expect(level(shifted, restless)).toBe('look');
    expect(level([220, 120, 90, 70], restless)).toBeNull();
    expect(
      level(
        [220, 120, 90, 70].map((count) => count * 4),
        restless,
      ),
    ).toBe('look');
    expect(level([400, 50, 30, 20], restless)).toBe('act');
  });

  test('the nearest shorter length counts; rows in sorted order do not', () => {
    expect(usualPsi(restless, [100, 0, 0, 0])).toBe(0.3);
    expect(usualPsi(restless, [1999, 0, 0, 0])).toBe(0.3);
    expect(usualPsi(restless, [5000, 0, 0, 0])).toBe(0.12);
    expect(usualPsi({ ...baseline, stretches: [{ rows: 500, psi: 7 }] }, [500, 0, 0, 0])).toBe(0);
    expect(usualPsi(baseline, [500, 0, 0, 0])).toBe(0);
  });
});

test('nothing to compare: no numbers and no level', () => {
  expect(judge(reader, baseline, [0, 0, 0, 0], 1)).toEqual({ psi: null, pValue: null, level: null });
});
