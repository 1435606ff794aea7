import type { Level } from '../finding.ts';

/** A stretch of windows in which something holds. Within it the level only rises. */
export interface Episode<E> {
  /** Null while one window was worth a look and that alone is not enough. */
  level: Level | null;
  since: number;
  at: number;
  row: number;
  /** Windows running without it. */
  calm: number;
  /** What the newest window alone was worth. */
  last: Level | null;
  /** Of the window that raised it or its level. */
  evidence: E;
}

/** Windows running without it until it is over. */
export const calmWindows = 3;

export interface JudgedWindow<E> {
  level: Level | null;
  evidence: E | null;
  /** Of the episode, if it begins here. */
  since: number;
  at: number;
  row: number;
  /** End of the window. */
  to: number;
}

export interface Said<E> extends Episode<E> {
  level: Level;
  cleared: number | null;
}

/** `said`: the episode to tell of, where this window raised it, raised its level, or ended it. */
export interface Followed<E> {
  episode: Episode<E> | null;
  said: Said<E> | null;
}

/** One closed window more. `patient`: one window alone counts a level less; it takes two running for all of it. */
export function follow<E>(before: Episode<E> | null, window: JudgedWindow<E>, patient: boolean): Followed<E> {
  const { level, evidence, since, at, row, to } = window;
  if (level === null || evidence === null) return calmed(before, to);
  const counts = patient ? patiently(level, before?.last ?? null) : level;
  if (before === null || before.level === null) {
    const started = before ?? { since };
    const episode = { level: counts, since: started.since, at, row, calm: 0, last: level, evidence };
    return { episode, said: counts === null ? null : { ...episode, level: counts, cleared: null } };
  }
  if (counts === 'act' && before.level === 'look') {
    const episode: Episode<E> = { ...before, level: 'act', calm: 0, last: level, evidence };
    return { episode, said: { ...episode, level: 'act', cleared: null } };
  }
  return { episode: { ...before, calm: 0, last: level }, said: null };
}

function patiently(level: Level, last: Level | null): Level | null {
  if (level === 'act') return last === 'act' ? 'act' : 'look';
  return last === null ? null : 'look';
}

function calmed<E>(before: Episode<E> | null, to: number): Followed<E> {
  if (before === null || before.level === null) return { episode: null, said: null };
  const after = { ...before, level: before.level, calm: before.calm + 1, last: null };
  if (after.calm < calmWindows) return { episode: after, said: null };
  return { episode: null, said: { ...after, cleared: to } };
}
