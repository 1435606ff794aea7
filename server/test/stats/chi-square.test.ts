import { describe, expect, test } from 'vitest';
import { chiSquareUpper, homogeneity } from '../../src/stats/chi-square.ts';
import { cases, expectWithin } from './vectors.ts';

type Input =
  | { test: 'chi2_homogeneity'; table: number[][] }
  | { distribution: 'chi_square'; params: { df: number }; function: 'sf'; argument: number };
type Expected = { statistic: number; df: number; p: number } | number;

const all = cases<Input, Expected>('chi-square');

describe('equal to scipy and R', () => {
  test('homogeneity of tables', () => {
    const tables = all.filter((one) => 'table' in one.input);
    expect(tables.length).toBe(8);
    for (const { name, input, expected, tolerance } of tables) {
      if (!('table' in input) || typeof expected === 'number') throw new Error(name);
      const found = homogeneity(input.table);
      expect(found.df).toBe(expected.df);
      // The statistic is 0 but for rounding where the rows are proportional.
      expectWithin(found.statistic, expected.statistic, { ...tolerance, abs: 1e-9 }, name);
      expectWithin(found.p, expected.p, { ...tolerance, abs: 1e-12 * Number(expected.p === 1) }, name);
    }
  });

  test('upper tails, far out too, up to 1,000 degrees of freedom', () => {
    let tails = 0;
    for (const { name, input, expected, tolerance } of all) {
      if (!('distribution' in input) || typeof expected !== 'number' || input.params.df > 1000) continue;
      expectWithin(chiSquareUpper(input.argument, input.params.df), expected, tolerance, name);
      tails++;
    }
    expect(tails).toBeGreaterThan(40);
  });
});

test('empty rows and columns say nothing', () => {
  expect(
    homogeneity([
      [0, 0],
      [0, 0],
    ]),
  ).toEqual({ statistic: 0, df: 0, p: 1 });
  expect(
    homogeneity([
      [5, 0, 7],
      [4, 0, 9],
    ]).df,
  ).toBe(1);
});
