/** How live rows are cut into windows of event time. */
export interface WindowRule {
  /** ms; windows are whole slices. A whole number of minutes. */
  slice: number;
  /** A window ends with the slice in which it reaches so many rows. */
  leastRows: number;
  /** ms; a slice closes when a row comes this much later than its end. Later rows count in what is open. */
  lateness: number;
}

/** Whole days, because traffic differs by the hour; 500 rows, because fewer say little about ten bins. */
export const defaultWindows: WindowRule = { slice: 86_400_000, leastRows: 500, lateness: 3_600_000 };

export interface ClosedWindow<T> {
  /** Counted from 1. */
  index: number;
  from: number;
  to: number;
  rows: number;
  /** Live rows of the version with an event time before `to`. */
  row: number;
  tally: T;
}

/** An event time that a tally rests on, and the number of rows up to and with its minute, once no earlier one can come. */
export interface Mark {
  at: number;
  row: number | null;
}

/** What a window counts: starts empty, and merges commutatively. */
export interface Counting<T> {
  empty(): T;
  merge(into: T, from: T): void;
  /** The marks of a tally whose row is not final yet. */
  unranked(tally: T): Mark[];
}

interface Slice<T> {
  rows: number;
  tally: T;
}

const minute = 60_000;

/**
 * Windows of event time over rows that come in any order. Which window a row counts in, where windows end and
 * which row number a time has depend only on the set of rows, as long as none is later than the allowed lateness.
 */
export class Windows<T> {
  readonly rule: WindowRule;
  #counting: Counting<T>;
  #newest = Number.NEGATIVE_INFINITY;
  /** Windows closed so far. */
  #closed = 0;
  /** Slices of the window that is filling, closed. */
  #filling: (Slice<T> & { from: number }) | null = null;
  /** By slice number. */
  #open = new Map<number, Slice<T>>();
  /** Rows in minutes before the watermark's, and by minute from there on. */
  #settledRows = 0;
  #minutes = new Map<number, number>();

  constructor(counting: Counting<T>, rule: Partial<WindowRule> = {}) {
    this.#counting = counting;
    this.rule = { ...defaultWindows, ...rule };
  }

  /** Live rows counted so far. */
  get rows(): number {
    let rows = this.#settledRows;
    for (const count of this.#minutes.values()) rows += count;
    return rows;
  }

  /** Number of the window that is filling, from 1. */
  get index(): number {
    return this.#closed + 1;
  }

  /** No row is waited for whose event time is before this. */
  get watermark(): number {
    return this.#newest - this.rule.lateness;
  }

  /** The event time that a row counts with: its own, or the watermark when it comes too late. */
  place(at: number): number {
    return Math.max(at, this.watermark);
  }

  /** Counts rows at a time that `place` gave, and returns the tally they belong to. */
  count(placed: number, rows: number): T {
    const inMinute = Math.floor(placed / minute);
    this.#minutes.set(inMinute, (this.#minutes.get(inMinute) ?? 0) + rows);
    const number = Math.floor(placed / this.rule.slice);
    let slice = this.#open.get(number);
    if (slice === undefined) {
      slice = { rows: 0, tally: this.#counting.empty() };
      this.#open.set(number, slice);
    }
    slice.rows += rows;
    return slice.tally;
  }

  /** Moves the watermark; returns the windows that this closes, oldest first. */
  advance(at: number): ClosedWindow<T>[] {
    if (at <= this.#newest) return none;
    const before = Math.floor(this.watermark / minute);
    this.#newest = at;
    const after = Math.floor(this.watermark / minute);
    if (after === before) return none;
    const closed = this.#closeSlices();
    this.#settleMinutes(after);
    return closed;
  }

  /** Slices not yet in a closed window, oldest first: what the window that is filling holds so far. */
  filling(): { from: number; to: number; rows: number; tallies: T[] } | null {
    const open = this.#ordered();
    if (this.#filling === null && open.length === 0) return null;
    const slices = [...(this.#filling === null ? [] : [this.#filling]), ...open.map(([, slice]) => slice)];
    return {
      from: this.#filling?.from ?? open[0]![0] * this.rule.slice,
      to: this.#newest,
      rows: slices.reduce((sum, slice) => sum + slice.rows, 0),
      tallies: slices.map((slice) => slice.tally),
    };
  }

  /** Rows with an event time up to `at`'s minute; exact while that minute is not settled. */
  rowOf(mark: Mark): number {
    return mark.row ?? this.#rowsUpTo(Math.floor(mark.at / minute));
  }

  save(): SavedWindows<T> {
    return {
      newest: Number.isFinite(this.#newest) ? this.#newest : null,
      closed: this.#closed,
      filling: this.#filling,
      open: this.#ordered(),
      settledRows: this.#settledRows,
      minutes: [...this.#minutes].sort(([a], [b]) => a - b),
    };
  }

  restore(saved: SavedWindows<T>): void {
    this.#newest = saved.newest ?? Number.NEGATIVE_INFINITY;
    this.#closed = saved.closed;
    this.#filling = saved.filling;
    this.#open = new Map(saved.open);
    this.#settledRows = saved.settledRows;
    this.#minutes = new Map(saved.minutes);
  }

  #closeSlices(): ClosedWindow<T>[] {
    const closed: ClosedWindow<T>[] = [];
    for (const [number, slice] of this.#ordered()) {
      const to = (number + 1) * this.rule.slice;
      if (to > this.watermark) break;
      this.#rank(slice.tally, to);
      this.#open.delete(number);
      if (this.#filling === null) this.#filling = { from: number * this.rule.slice, ...slice };
      else {
        this.#counting.merge(this.#filling.tally, slice.tally);
        this.#filling.rows += slice.rows;
      }
      if (this.#filling.rows < this.rule.leastRows) continue;
      const row = this.#rowsUpTo(to / minute - 1);
      closed.push({ index: ++this.#closed, to, row, ...this.#filling });
      this.#filling = null;
    }
    return closed;
  }

  /** Before minutes are settled, marks in them get their row numbers. */
  #settleMinutes(horizon: number): void {
    for (const slice of this.#open.values()) this.#rank(slice.tally, horizon * minute);
    for (const [number, count] of this.#minutes) {
      if (number >= horizon) continue;
      this.#settledRows += count;
      this.#minutes.delete(number);
    }
  }

  #rank(tally: T, before: number): void {
    for (const mark of this.#counting.unranked(tally)) {
      if (mark.at < before) mark.row = this.#rowsUpTo(Math.floor(mark.at / minute));
    }
  }

  #rowsUpTo(last: number): number {
    let rows = this.#settledRows;
    for (const [number, count] of this.#minutes) if (number <= last) rows += count;
    return rows;
  }

  #ordered(): [number, Slice<T>][] {
    return [...this.#open].sort(([a], [b]) => a - b);
  }
}

export interface SavedWindows<T> {
  newest: number | null;
  closed: number;
  filling: (Slice<T> & { from: number }) | null;
  open: [number, Slice<T>][];
  settledRows: number;
  minutes: [number, number][];
}

const none: never[] = [];
