import { describe, expect, test } from 'vitest';
import { profile } from '../../src/monitors/profile.ts';
import type { Feature } from '../../src/signature.ts';
import { normal, seeded } from '../stats/seeded.ts';
import { frameOf, numbers } from './events.ts';

const only = (feature: Feature, values: number[], texts: string[] = []) =>
  profile(
    [feature],
    frameOf(
      values.map((value) => [value]),
      texts,
    ),
  ).features[0]!;
const number: Feature = { name: 'x', type: 'number' };

describe('numbers', () => {
  test('range, mean, spread, median and quantile bins', () => {
    const one = only(
      number,
      Array.from({ length: 1000 }, (_, i) => i + 1),
    );
    expect(one).toMatchObject({ name: 'x', missing: 0, constant: null, categories: null });
    expect(one.numeric).toMatchObject({ min: 1, max: 1000, mean: 500.5, median: 500.5 });
    expect(one.numeric!.sd).toBeCloseTo(288.8194, 4);
    expect(one.numeric!.edges).toEqual([100, 200, 300, 400, 500, 600, 700, 800, 900]);
    expect(one.numeric!.counts).toEqual(new Array(10).fill(100));
  });

  test('ties merge bins, and none is empty', () => {
    const one = only(number, [...new Array(700).fill(0), ...Array.from({ length: 300 }, (_, i) => i + 1)]);
    expect(one.numeric!.edges).toEqual([0, 100, 200]);
    expect(one.numeric!.counts).toEqual([700, 100, 100, 100]);
    const top = only(number, [...new Array(100).fill(1), 0, 0.5]);
    expect(top.numeric!.counts.reduce((a, b) => a + b)).toBe(102);
    expect(Math.min(...top.numeric!.counts)).toBeGreaterThan(0);
  });

  test('few rows, few bins', () => {
    expect(
      only(
        number,
        Array.from({ length: 30 }, (_, i) => i),
      ).numeric!.counts.length,
    ).toBe(3);
  });

  test('a constant, missing values, and none at all', () => {
    const still = only(number, [3, 3, Number.NaN, 3, Number.POSITIVE_INFINITY]);
    expect(still).toMatchObject({ constant: 3, missing: 2 });
    expect(still.numeric).toMatchObject({ min: 3, max: 3, sd: 0, edges: [], counts: [3] });
    expect(only(number, [Number.NaN, Number.NaN])).toMatchObject({
      constant: null,
      missing: 2,
      numeric: null,
    });
  });
});

describe('categories', () => {
  test('by name, most frequent first', () => {
    const one = only({ name: 'c', type: 'category', categories: ['red', 'blue', 'green'] }, [1, 1, 0, 2, 1]);
    expect(one.categories).toEqual({ values: ['blue', 'green', 'red'], counts: [3, 1, 1], other: 0 });
    expect(one.numeric).toBeNull();
  });

  test('by code: both as numbers and as categories', () => {
    const one = only({ name: 'c', type: 'category' }, [10, 20, 20]);
    expect(one.categories).toEqual({ values: [20, 10], counts: [2, 1], other: 0 });
    expect(one.numeric).toMatchObject({ min: 10, max: 20 });
  });

  test('booleans and strings', () => {
    expect(only({ name: 'c', type: 'boolean' }, [1, 0, 1]).categories!.values).toEqual(['true', 'false']);
    const texts = ['oslo', 'rome', 'oslo'];
    expect(only({ name: 'c', type: 'string' }, [0, 1, 2], texts).categories).toEqual({
      values: ['oslo', 'rome'],
      counts: [2, 1],
      other: 0,
    });
  });

  test('at most a hundred, the rest together', () => {
    const texts = Array.from({ length: 150 }, (_, i) => `city ${i}`);
    const one = only({ name: 'c', type: 'string' }, [...texts.keys(), 0, 0], texts);
    expect(one.categories!.values.length).toBe(100);
    expect(one.categories).toMatchObject({ other: 50 });
    expect(one.categories!.values[0]).toBe('city 0');
  });
});

test('labels: shares of classes, or the spread of values', () => {
  const frame = frameOf([[1], [2], [3], [4]]);
  const classes = profile([number], frame, { task: 'classification', values: ['no', 'yes', 'no', 'no'] });
  expect(classes.labels).toEqual({ no: 0.75, yes: 0.25 });
  expect(classes.target).toBeNull();
  const values = profile([number], frame, { task: 'regression', values: [2, 4, 6, 8] });
  expect(values.labels).toBeNull();
  expect(values.target).toMatchObject({ mean: 5, min: 2, max: 8 });
  expect(values.target!.sd).toBeCloseTo(2.582, 3);
});

test('stretches: near to the whole where rows are shuffled, far where time moves them', () => {
  const random = seeded(1);
  const rows = Array.from({ length: 10_000 }, (_, i) => [normal(random), normal(random) + i / 2000]);
  const [still, moving] = profile(numbers('still', 'moving'), frameOf(rows)).features;
  expect(still!.stretches!.map(({ rows }) => rows)).toEqual([500, 2000]);
  expect(still!.stretches![0]!.psi).toBeLessThan(0.1);
  expect(moving!.stretches![0]!.psi).toBeGreaterThan(1);
  expect(profile([number], frameOf([[1], [2]])).features[0]!.stretches).toEqual([]);
});

test('is JSON, and the same for every order of rows but for the stretches', () => {
  const random = seeded(2);
  const rows = Array.from({ length: 400 }, () => [normal(random), Math.floor(random() * 5)]);
  const features: Feature[] = [number, { name: 'c', type: 'category' }];
  const one = profile(features, frameOf(rows));
  expect(JSON.parse(JSON.stringify(one))).toEqual(one);
  expect(profile(features, frameOf(rows.toReversed()))).toEqual(one);
});
