import { expect, test } from 'vitest';
import { JournaledFeatures } from '../../src/lane/journaled-features.ts';
import type { Signature } from '../../src/signature.ts';

const signature = {
  features: [
    { name: 'age', type: 'number' },
    { name: 'name', type: 'string' },
    { name: 'city', type: 'string' },
  ],
  inputs: [],
} as Partial<Signature> as Signature;
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

test('of whole numbers beyond 2^53, every digit is kept or hashed, and none of another’s', () => {
  const long = {
    features: [
      { name: 'id', type: 'integer' },
      { name: 'n', type: 'integer' },
    ],
    inputs: [{ name: 'both', datatype: 'INT64', shape: [-1, 2], column: 0, width: 2 }],
  } as Partial<Signature> as Signature;
  const ids = ['9007199254740993', '9007199254740995'];
  const two = {
    rows: 2,
    width: 2,
    values: Float64Array.of(0.5, 7, 2.5, 1.5),
    texts: [ids[0]!, ids[1]!, ids[0]!],
  };
  const kept = new JournaledFeatures(long, { hash: [], drop: [] }, 's').of(two);
  expect([...kept.values]).toEqual([0.5, 1.5, 7, 2.5]);
  expect(kept.texts).toEqual([ids[0], ids[0], ids[1]]);
  const one = new JournaledFeatures(long, { hash: ['id'], drop: ['n'] }, 's').of(two);
  expect(one.texts).toEqual([]);
  expect(one.values[0]).toBe(one.values[1]);
  const other = { ...two, values: Float64Array.of(0.5, 7, 1.5, 7) };
  const hashed = new JournaledFeatures(long, { hash: ['id'], drop: ['n'] }, 's').of(other);
  expect(hashed.values[0]).not.toBe(hashed.values[1]);
});
