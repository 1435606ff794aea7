import { expect, test } from 'vitest';
import { JournaledFeatures } from '../../src/lane/journaled-features.ts';
import type { Signature } from '../../src/signature.ts';

const signature = {
  features: [
    { name: 'age', type: 'number' },
    { name: 'name', type: 'string' },
    { name: 'city', type: 'string' },
  ],
} as Signature;
const frame = {
  rows: 2,
  width: 3,
  values: Float64Array.of(30, 0, 1, 40, 2, 3),
  texts: ['Ann', 'Oslo', 'Bob', 'Rome'],
};

test('without rules all is kept, column by column', () => {
  const kept = new JournaledFeatures(signature, { hash: [], drop: [] }, 's');
  expect(kept.names).toEqual(['age', 'name', 'city']);
  const { values, texts } = kept.of(frame);
  expect([...values.subarray(0, 2)]).toEqual([30, 40]);
  expect([...values.subarray(2)].map((index) => texts[index])).toEqual(['Ann', 'Bob', 'Oslo', 'Rome']);
});

test('dropped features leave no trace, hashed ones keep equality only', () => {
  const rules = { hash: ['age'], drop: ['name'] };
  const kept = new JournaledFeatures(signature, rules, 'secret');
  expect(kept.names).toEqual(['age#hash', 'city']);
  const { values, texts } = kept.of(frame);
  expect(texts).toEqual(['Oslo', 'Rome']);
  expect(values[0]).not.toBe(30);
  expect(Number.isSafeInteger(values[0])).toBe(true);
  const same = new JournaledFeatures(signature, rules, 'secret').of({
    ...frame,
    values: Float64Array.of(40, 0, 1, 40, 2, 3),
  });
  expect(same.values[0]).toBe(values[1]);
  const elsewhere = new JournaledFeatures(signature, rules, 'another secret').of(frame);
  expect(elsewhere.values[0]).not.toBe(values[0]);
});

test('a single row is not copied', () => {
  const kept = new JournaledFeatures(signature, { hash: [], drop: [] }, 's');
  const one = { rows: 1, width: 3, values: Float64Array.of(30, 0, 1), texts: ['Ann', 'Oslo'] };
  expect(kept.of(one).values.buffer).toBe(one.values.buffer);
});
