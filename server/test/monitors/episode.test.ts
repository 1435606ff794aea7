import { expect, test } from 'vitest';
import { type Episode, follow } from '../../src/monitors/episode.ts';
import type { Level } from '../../src/monitors/monitor.ts';

/** What is said after each window; each is a day long. */
function said(levels: (Level | null)[], patient: boolean): string[] {
  let episode: Episode<number> | null = null;
  return levels.map((level, k) => {
    const window = { level, evidence: k, since: k, at: k + 1, row: 10 * k, to: k + 1 };
    const followed = follow(episode, window, patient);
    episode = followed.episode;
    if (followed.said === null) return '';
    const { level: told, since, row, cleared } = followed.said;
    return cleared === null ? `${told} since ${since} row ${row}` : `cleared ${cleared}`;
  });
}

test('patient: one window alone counts a level less, two running for all of it', () => {
  expect(said(['look', null, 'look', 'look'], true)).toEqual(['', '', '', 'look since 2 row 30']);
  expect(said(['act', null], true)).toEqual(['look since 0 row 0', '']);
  expect(said(['act', 'act'], true)).toEqual(['look since 0 row 0', 'act since 0 row 0']);
  expect(said(['look', 'act', 'act'], true)).toEqual(['', 'look since 0 row 10', 'act since 0 row 10']);
  expect(said(['act', 'look', 'act'], true)).toEqual(['look since 0 row 0', '', '']);
});

test('not patient: at once', () => {
  expect(said(['look', 'act'], false)).toEqual(['look since 0 row 0', 'act since 0 row 0']);
});

test('over after three calm windows running, and begun anew', () => {
  expect(said(['look', null, null, 'look', null, null, null, null, 'act'], false)).toEqual([
    'look since 0 row 0',
    '',
    '',
    '',
    '',
    '',
    'cleared 7',
    '',
    'act since 8 row 80',
  ]);
});

test('the level never falls within an episode', () => {
  expect(said(['act', 'look', 'look'], false)).toEqual(['act since 0 row 0', '', '']);
});
