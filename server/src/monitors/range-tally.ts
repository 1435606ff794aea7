import type { Mark } from './windows.ts';

/** What was unusual about one feature in one slice of event time: missing values, or values outside what training showed. */
export interface Oddity {
  count: number;
  /** Of the values outside; null where they have no order, and for missing ones. */
  lowest: number | null;
  highest: number | null;
  /** A text outside: the first in the alphabet, so that the order of rows does not matter. */
  text: string | null;
  first: Mark;
}

/** Counts of one slice or window. */
export interface RangeTally {
  /** For each feature: rows in which it was kept. */
  rows: number[];
  /** For each feature, null where nothing was unusual. */
  missing: (Oddity | null)[];
  outside: (Oddity | null)[];
}

export function emptyTally(features: number): RangeTally {
  return {
    rows: new Array<number>(features).fill(0),
    missing: new Array<null>(features).fill(null),
    outside: new Array<null>(features).fill(null),
  };
}

export function mergeTally(into: RangeTally, from: RangeTally): void {
  for (let k = 0; k < into.rows.length; k++) {
    into.rows[k]! += from.rows[k]!;
    into.missing[k] = mergeOddity(into.missing[k]!, from.missing[k]!);
    into.outside[k] = mergeOddity(into.outside[k]!, from.outside[k]!);
  }
}

export function unrankedMarks(tally: RangeTally): Mark[] {
  const marks: Mark[] = [];
  for (const oddity of [...tally.missing, ...tally.outside]) {
    if (oddity !== null && oddity.first.row === null) marks.push(oddity.first);
  }
  return marks;
}

export function addOddity(
  oddities: (Oddity | null)[],
  k: number,
  at: number,
  value: number | null,
  text: string | null,
): void {
  oddities[k] = mergeOddity(oddities[k]!, {
    count: 1,
    lowest: value,
    highest: value,
    text,
    first: { at, row: null },
  });
}

/** A new object wherever both are there: tallies may be merged for a look without being changed. */
export function mergeOddity(a: Oddity | null, b: Oddity | null): Oddity | null {
  if (a === null || b === null) return a ?? b;
  return {
    count: a.count + b.count,
    lowest: lesser(a.lowest, b.lowest),
    highest: greater(a.highest, b.highest),
    text: a.text === null || (b.text !== null && b.text < a.text) ? b.text : a.text,
    first: b.first.at < a.first.at ? b.first : a.first,
  };
}

function lesser(a: number | null, b: number | null): number | null {
  return a === null || b === null ? (a ?? b) : Math.min(a, b);
}

function greater(a: number | null, b: number | null): number | null {
  return a === null || b === null ? (a ?? b) : Math.max(a, b);
}
