import { expect, test } from 'vitest';
import { homogeneity } from '../../src/stats/chi-square.ts';
import { psi, shares } from '../../src/stats/psi.ts';
import { quantile } from '../../src/stats/quantile.ts';
import { cases, expectWithin } from './vectors.ts';

interface Numbers {
  reference: (number | null)[];
  current: (number | null)[];
  bins: number;
}
interface NumbersExpected {
  inner_edges: number[];
  reference_share: number[];
  current_share: number[];
  psi: number;
}
interface Categories {
  reference: (string | null)[];
  current: (string | null)[];
}
interface CategoriesExpected {
  psi: number;
  chi2: number;
  chi2_p: number;
}

test('numbers: edges, shares and PSI equal numpy and scipy', () => {
  const all = cases<Numbers, NumbersExpected>('psi').filter(({ name }) => name.startsWith('psi/'));
  expect(all.length).toBeGreaterThan(20);
  for (const { name, input, expected, tolerance } of all) {
    const reference = present(input.reference).sort((a, b) => a - b);
    const places = Array.from({ length: input.bins - 1 }, (_, k) =>
      quantile(reference, (k + 1) / input.bins),
    );
    const [least, most] = [reference[0]!, reference.at(-1)!];
    const edges = places.filter((edge, k) => edge !== places[k - 1] && edge > least && edge < most);
    expect(edges.length, name).toBe(expected.inner_edges.length);
    for (const [k, edge] of edges.entries()) expectWithin(edge, expected.inner_edges[k]!, tolerance, name);
    const before = shares(counted(reference, edges));
    const now = shares(counted(present(input.current), edges));
    for (const [k, share] of now.entries()) expectWithin(share, expected.current_share[k]!, tolerance, name);
    expectWithin(psi(before, now), expected.psi, tolerance, name);
  }
});

test('categories: PSI and the test of homogeneity equal scipy', () => {
  const all = cases<Categories, CategoriesExpected>('psi').filter(({ name }) => name.startsWith('cat'));
  expect(all.length).toBe(4);
  for (const { name, input, expected, tolerance } of all) {
    const names = [...new Set([...present(input.reference), ...present(input.current)])].sort();
    const table = [input.reference, input.current].map((side) =>
      names.map((category) => present(side).filter((one) => one === category).length),
    );
    expectWithin(psi(shares(table[0]!), shares(table[1]!)), expected.psi, tolerance, name);
    const test = homogeneity(table);
    expectWithin(test.statistic, expected.chi2, tolerance, name);
    expectWithin(test.p, expected.chi2_p, tolerance, name);
  }
});

test('no counts: no shares', () => {
  expect(shares([0, 0])).toEqual([0, 0]);
});

function present<T>(values: (T | null)[]): T[] {
  return values.filter((value) => value !== null);
}

function counted(values: number[], edges: number[]): number[] {
  const counts = new Array<number>(edges.length + 1).fill(0);
  for (const value of values) counts[edges.filter((edge) => value > edge).length]!++;
  return counts;
}
