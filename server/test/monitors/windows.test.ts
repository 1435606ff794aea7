import { describe, expect, test } from 'vitest';
import { type Mark, Windows } from '../../src/monitors/windows.ts';
import { day, hour, minute } from './events.ts';

/** A tally that lists the times it counted and marks the earliest. */
interface Listed {
  times: number[];
  first: Mark | null;
}

function windows(leastRows: number): Windows<Listed> {
  return new Windows<Listed>(
    {
      empty: () => ({ times: [], first: null }),
      merge: (into, from) => {
        into.times.push(...from.times);
        if (into.first === null || (from.first !== null && from.first.at < into.first.at))
          into.first = from.first;
      },
      unranked: ({ first }) => (first !== null && first.row === null ? [first] : []),
    },
    { leastRows },
  );
}

function add(all: Windows<Listed>, at: number, rows = 1) {
  const placed = all.place(at);
  const tally = all.count(placed, rows);
  tally.times.push(placed);
  if (tally.first === null || placed < tally.first.at) tally.first = { at: placed, row: null };
  return all.advance(at);
}

describe('windows', () => {
  test('end with the day in which they reach enough rows, once a row comes an hour after its end', () => {
    const all = windows(3);
    expect(add(all, 1 * hour)).toEqual([]);
    expect(add(all, 2 * day)).toEqual([]);
    expect(add(all, 2 * day + hour, 5)).toEqual([]);
    expect(add(all, 3 * day + 59 * minute)).toEqual([]);
    const [closed] = add(all, 3 * day + hour);
    expect(closed).toMatchObject({ index: 1, from: 0, to: 3 * day, rows: 7, row: 7 });
    expect(closed!.tally.times).toEqual([hour, 2 * day, 2 * day + hour]);
    expect(all.filling()).toMatchObject({ from: 3 * day, to: 3 * day + hour, rows: 2 });
    expect(all.index).toBe(2);
    expect(all.rows).toBe(9);
  });

  test('several may close at once, each with its own row', () => {
    const all = windows(2);
    add(all, 10, 2);
    add(all, day + 10, 2);
    add(all, 30 * minute, 1);
    const closed = add(all, 40 * day);
    expect(closed.map(({ from, to, rows, row }) => [from / day, to / day, rows, row])).toEqual([
      [0, 1, 3, 3],
      [1, 2, 2, 5],
    ]);
  });

  test('a row that comes too late counts in what is open, and no row is lost', () => {
    const all = windows(2);
    add(all, 10 * day, 2);
    expect(all.place(3 * day)).toBe(10 * day - hour);
    add(all, 3 * day);
    const closed = add(all, 20 * day);
    expect(closed.map(({ rows }) => rows)).toEqual([3]);
    expect(all.rows).toBe(4);
  });
});

test('the row of a time is the number of rows up to its minute, whenever they come', () => {
  const all = windows(1000);
  add(all, 10 * minute);
  const mark = { at: 20 * minute, row: null };
  add(all, 30 * minute);
  expect(all.rowOf(mark)).toBe(1);
  add(all, 20 * minute);
  add(all, 15 * minute);
  expect(all.rowOf(mark)).toBe(3);
});

test('a mark keeps its row once no earlier one can come', () => {
  const all = windows(2);
  add(all, 10 * minute);
  add(all, 5 * minute);
  add(all, 3 * hour);
  const [closed] = add(all, 2 * day);
  expect(closed!.tally.first).toEqual({ at: 5 * minute, row: 1 });
});
