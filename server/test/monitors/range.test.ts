import { describe, expect, test } from 'vitest';
import { range } from '../../src/monitors/range.ts';
import { judgeShare } from '../../src/monitors/range-rule.ts';
import type { Feature } from '../../src/signature.ts';
import { context, event, frameOf, hour, numbers } from './events.ts';

const train = (feature: Feature, values: number[], texts: string[] = []) =>
  range.create(
    context(
      [feature],
      frameOf(
        values.map((value) => [value]),
        texts,
      ),
    ),
  )!;
const counting = Array.from({ length: 5000 }, (_, i) => i);

test('values outside the range: how many, how far, since which row', () => {
  const monitor = train({ name: 'x', type: 'number' }, counting);
  const findings = Array.from({ length: 60 }, (_, i) => (i < 20 ? i : -i)).flatMap((value, i) =>
    monitor.fold(event(['x'], [[value]], i * hour)),
  );
  expect(findings).toHaveLength(1);
  expect(findings[0]).toMatchObject({ id: 'm/1/out-of-range/x', level: 'look', since: 20 * hour, row: 21 });
  expect(findings[0]!.message).toBe(
    'x was outside the range of training (0 – 4999), with -34 – -20, in 15 of the window’s 35 rows so far, first in version 1’s live row 21.',
  );
  expect(monitor.view()).toEqual([{ feature: 'x', rows: 60, missing: 0, outOfRange: 40 }]);
});

test('a whole request of wrong rows is told in one breath', () => {
  const monitor = train({ name: 'x', type: 'number' }, counting);
  const wrong = Array.from({ length: 200 }, () => [-1]);
  const [finding, ...more] = monitor.fold(event(['x'], wrong, 0));
  expect(more).toEqual([]);
  expect(finding).toMatchObject({ level: 'act', row: 200 });
});

test('unknown categories are named', () => {
  const colour: Feature = { name: 'c', type: 'category', categories: ['red', 'blue', 'puce'] };
  const monitor = train(
    colour,
    counting.map((i) => i % 2),
  );
  const [finding] = monitor.fold(
    event(
      ['c'],
      counting.slice(0, 100).map((i) => [i % 3]),
      0,
    ),
  );
  expect(finding!.message).toContain('c has categories that training never showed, such as "puce", in 33 of');
  const city: Feature = { name: 'c', type: 'string' };
  const strings = train(
    city,
    counting.map((i) => i % 2),
    ['oslo', 'rome'],
  );
  const texts = ['rome', 'paris'];
  const [said] = strings.fold(
    event(
      ['c'],
      counting.slice(0, 100).map((i) => [i % 2]),
      0,
      { texts },
    ),
  );
  expect(said!.evidence.category).toBe('paris');
});

test('missing more often than in training', () => {
  const monitor = train(
    { name: 'x', type: 'number' },
    counting.map((i) => (i % 50 === 0 ? Number.NaN : i)),
  );
  const [finding] = monitor.fold(
    event(
      ['x'],
      counting.slice(0, 300).map((i) => [i % 3 === 0 ? Number.NaN : i]),
      0,
    ),
  );
  expect(finding!.message).toBe(
    'x is missing in 100 of the window’s 300 rows so far, first in version 1’s live row 300; in training it was in 2 %.',
  );
});

test('never there in training, and now it is', () => {
  const monitor = range.create(context(numbers('x'), frameOf(counting.map(() => [Number.NaN]))))!;
  const [finding] = monitor.fold(event(['x'], [[1], [2], [3], [4], [5]], 0));
  expect(finding!.message).toContain(
    'x was always missing in the 5,000 training rows; since version 1’s live row 5 it has other values',
  );
});

test('one slip of a constant is counted, and is no finding', () => {
  const monitor = train(
    { name: 'x', type: 'number' },
    counting.map(() => 7),
  );
  expect(monitor.fold(event(['x'], [[8]], 0))).toEqual([]);
  expect(monitor.view()[0]).toMatchObject({ outOfRange: 1 });
});

describe('looking after every row costs nothing', () => {
  const share = { closed: false, trained: 0, trainingRows: 1000, usual: 0, never: false };
  const bound = (rows: number) => {
    for (let count = 1; count <= rows; count++) {
      if (judgeShare({ ...share, count, rows }, 500, 0.001) !== null) return count;
    }
    return Number.POSITIVE_INFINITY;
  };

  test('the bound does not depend on how far a window is filled, up to twice the least rows', () => {
    const filled = [60, 200, 400, 500].map(bound);
    expect(new Set(filled).size).toBe(1);
    expect(bound(1000)).toBeGreaterThanOrEqual(filled[0]!);
  });

  test('and grows with larger ones', () => {
    expect(bound(4000)).toBeGreaterThan(bound(1000));
  });
});

test('infinite values are outside, and survive being saved', () => {
  const monitor = train({ name: 'x', type: 'number' }, counting);
  const wrong = Array.from({ length: 200 }, () => [Number.POSITIVE_INFINITY]);
  const [finding] = monitor.fold(event(['x'], wrong, 0));
  expect(finding!.evidence.highest).toBe(Number.MAX_VALUE);
  const again = train({ name: 'x', type: 'number' }, counting);
  again.restore(monitor.save());
  expect(again.save()).toEqual(monitor.save());
});
