import { expect, test } from 'vitest';
import { wilson } from '../../src/stats/wilson.ts';

test('equals statsmodels’ proportion_confint(method="wilson")', () => {
  const { low, high } = wilson(10, 100);
  expect(low).toBeCloseTo(0.0552291370606751, 10);
  expect(high).toBeCloseTo(0.1743656619345, 9);
  const narrow = wilson(10, 100, 0.5);
  expect(narrow.low).toBeGreaterThan(low);
  expect(narrow.high).toBeLessThan(high);
});

test('stays in [0, 1], and reaches the ends where every row went one way', () => {
  expect(wilson(0, 20).low).toBe(0);
  expect(wilson(0, 20).high).toBeCloseTo(0.1611, 4);
  expect(wilson(20, 20).high).toBe(1);
  expect(wilson(0, 0)).toEqual({ low: 0, high: 1 });
});
