import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ExactSum } from '../../src/stats/exact-sum.ts';
import { seeded, shuffle } from './seeded.ts';

// Below 2^1000 no partial sum overflows.
const values = fc.array(fc.double({ noNaN: true, noDefaultInfinity: true, min: -1e300, max: 1e300 }), {
  maxLength: 40,
});

function summed(list: number[]): ExactSum {
  const sum = new ExactSum();
  for (const value of list) sum.add(value);
  return sum;
}

/** A finite double as a whole number of 2^-1074. */
function whole(value: number): bigint {
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, value);
  const bits = view.getBigUint64(0);
  const exponent = (bits >> 52n) & 0x7ffn;
  const fraction = bits & 0xfffffffffffffn;
  const size = exponent === 0n ? fraction : (fraction | (1n << 52n)) << (exponent - 1n);
  return bits >> 63n ? -size : size;
}

test('is exact: the saved terms add up to the true sum in whole numbers', () => {
  fc.assert(
    fc.property(values, (list) => {
      const truth = list.reduce((total, value) => total + whole(value), 0n);
      const kept = summed(list)
        .save()
        .reduce((total, value) => total + whole(value), 0n);
      expect(kept).toBe(truth);
    }),
    { seed: 1, numRuns: 500 },
  );
});

test('is the same to the byte in every order, and after a restore', () => {
  fc.assert(
    fc.property(values, fc.nat(), fc.nat(40), (list, seed, cut) => {
      const saved = summed(list).save();
      const other = shuffle([...list], seeded(seed));
      const restored = new ExactSum(summed(other.slice(0, cut)).save());
      for (const value of other.slice(cut)) restored.add(value);
      expect(restored.save()).toEqual(saved);
    }),
    { seed: 2, numRuns: 500 },
  );
});

test('takes back exactly what was added', () => {
  fc.assert(
    fc.property(values, fc.double({ noNaN: true, min: -1e300, max: 1e300 }), (list, extra) => {
      const sum = summed([...list, extra]);
      sum.add(-extra);
      expect(sum.save()).toEqual(summed(list).save());
    }),
    { seed: 3 },
  );
});

test('rounds correctly where plain addition does not', () => {
  expect(summed([0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1]).value()).toBe(5.5);
  expect(summed([1e100, 1, -1e100]).value()).toBe(1);
  // Half-way to the next double, with more below: not to even.
  expect(summed([1, 2 ** -53, 2 ** -106]).value()).toBe(1 + 2 ** -52);
  expect(summed([]).value()).toBe(0);
});

test('refuses what is not finite and stays as it was', () => {
  const sum = summed([1.5]);
  for (const bad of [Number.NaN, Number.POSITIVE_INFINITY]) expect(sum.add(bad)).toBe(false);
  expect(sum.value()).toBe(1.5);
});
