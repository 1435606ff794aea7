import { expect, test } from 'vitest';
import { readTime } from '../../src/lane/caller.ts';

const noon = Date.UTC(2026, 1, 28, 12);

test.each([
  [noon, noon],
  [`${noon}`, noon],
  ['2026-02-28T12:00:00Z', noon],
  ['2026-02-28T13:00:00+01:00', noon],
  ['2026-02-28 12:00:00.250Z', noon + 250],
  ['2026-02-28', Date.UTC(2026, 1, 28)],
  ['2026-02', Date.UTC(2026, 1)],
  ['2026', Date.UTC(2026, 0)],
  [null, null],
])('%s is a time', (given, ms) => {
  expect(readTime(given)).toBe(ms);
});

test.each(['2026-02-30', '2026-02-30T12:00:00Z', '2026-13', '2026-02-28T12:00:00', '28 Feb 2026', '', true])(
  '%s is none, or another one on another machine',
  (given) => {
    expect(() => readTime(given)).toThrow('"at" is neither');
  },
);
