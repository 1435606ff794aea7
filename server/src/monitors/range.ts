import type { PredictionEvent } from '../events.ts';
import type { Level } from '../finding.ts';
import { type Columns, columnsOf } from './columns.ts';
import { type Episode, follow, type Said } from './episode.ts';
import { errorRate, perVersion } from './false-alarms.ts';
import type { Finding, Monitor, MonitorContext, MonitorKind } from './monitor.ts';
import { type Cause, causesOf } from './range-cause.ts';
import { evidenceOf, type RangeEvidence, rangeFinding, withdrawn } from './range-finding.ts';
import { actShare, judgeShare, leastOdd, lookShare } from './range-rule.ts';
import {
  addOddity,
  emptyTally,
  mergeOddity,
  mergeTally,
  type Oddity,
  type RangeTally,
  unrankedMarks,
} from './range-tally.ts';
import { type ClosedWindow, defaultWindows, type SavedWindows, Windows } from './windows.ts';

/** Counts since the version's first live prediction. */
export interface RangeFeature {
  feature: string;
  rows: number;
  missing: number;
  outOfRange: number;
}

export interface RangeMonitor extends Monitor {
  view(): RangeFeature[];
}

const explanation =
  `Counts missing values and values that training never showed: beyond the range of its rows, an unknown category, ` +
  `or any other value of a feature that was constant there. It speaks as soon as ${lookShare * 100} % of a window ` +
  `(${actShare * 100} %: act) of at least ${defaultWindows.leastRows} rows are like that, and of what was constant as soon as ` +
  `${leastOdd} rows differ; and an exact test against training leaves no room for chance (seven rows against nine ` +
  `thousand): on independent rows like those of training, the chance of any finding for a version, ever, is at most ` +
  `${perVersion * 100} %. "Since" and the row are those of the first such value. It cannot tell a fault from a change in the world.`;

interface RangeKind extends MonitorKind {
  create(context: MonitorContext): RangeMonitor | null;
}

export const range: RangeKind = {
  name: 'range',
  explanation,
  create(context) {
    const columns = columnsOf(context);
    return columns === null ? null : new Range(context, columns);
  },
};

type Told = Said<RangeEvidence>;
interface Saved {
  format: 1;
  windows: SavedWindows<RangeTally>;
  totals: { rows: number[]; missing: number[]; outside: number[] };
  episodes: (Episode<RangeEvidence> | null)[];
}

class Range implements RangeMonitor {
  #context: MonitorContext;
  #columns: Columns;
  #causes: Cause[];
  #windows: Windows<RangeTally>;
  /** Over closed windows. */
  #totals: Saved['totals'];
  /** By cause, from closed windows only. */
  #episodes: (Episode<RangeEvidence> | null)[];
  /** By cause: what was last said and not taken back. Follows from the rest of the state. */
  #said = new Map<number, Finding>();

  constructor(context: MonitorContext, columns: Columns) {
    this.#context = context;
    this.#columns = columns;
    this.#causes = causesOf(context, columns);
    const features = columns.readers.length;
    const zeros = () => new Array<number>(features).fill(0);
    this.#windows = new Windows(
      { empty: () => emptyTally(features), merge: mergeTally, unranked: unrankedMarks },
      context.windows,
    );
    this.#totals = { rows: zeros(), missing: zeros(), outside: zeros() };
    this.#episodes = this.#causes.map(() => null);
  }

  fold(event: PredictionEvent): Finding[] {
    if (event.role !== 'live' || event.version !== this.#context.version.version) return nothing;
    const placed = this.#windows.place(event.at);
    const touched = this.#count(event, placed, this.#windows.count(placed, event.rows));
    const closed = this.#windows.advance(event.at);
    if (touched.size === 0 && closed.length === 0 && this.#said.size === 0) return nothing;
    const findings = closed.flatMap((window) => this.#close(window));
    // What was said of a window that still fills may cease to hold with every row; episodes stay.
    for (const c of this.#said.keys()) if (this.#episodes[c] === null) touched.add(c);
    if (closed.length > 0) for (const c of this.#causes.keys()) touched.add(c);
    this.#tell(touched, findings, closed.at(-1)?.to ?? null);
    return findings;
  }

  view(): RangeFeature[] {
    const open = this.#open();
    return this.#columns.readers.map((reader, k) => ({
      feature: reader.name,
      rows: this.#totals.rows[k]! + open.rows[k]!,
      missing: this.#totals.missing[k]! + (open.missing[k]?.count ?? 0),
      outOfRange: this.#totals.outside[k]! + (open.outside[k]?.count ?? 0),
    }));
  }

  save(): Uint8Array {
    const saved: Saved = {
      format: 1,
      windows: this.#windows.save(),
      totals: this.#totals,
      episodes: this.#episodes,
    };
    return new TextEncoder().encode(JSON.stringify(saved));
  }

  restore(state: Uint8Array): void {
    const saved = JSON.parse(new TextDecoder().decode(state)) as Saved;
    this.#windows.restore(saved.windows);
    this.#totals = saved.totals;
    this.#episodes = saved.episodes;
    this.#said.clear();
    this.#tell(this.#causes.keys(), [], null);
  }

  /** Counts an event's rows; returns the causes that had any. */
  #count(event: PredictionEvent, placed: number, tally: RangeTally): Set<number> {
    const touched = new Set<number>();
    const places = this.#columns.of(event);
    const { rows, values, texts } = event;
    for (let k = 0; k < places.length; k++) {
      if (places[k]! < 0) continue;
      tally.rows[k]! += rows;
      const reader = this.#columns.readers[k]!;
      const column = places[k]! * rows;
      for (let row = 0; row < rows; row++) {
        const value = values[column + row]!;
        if (Number.isNaN(value)) {
          addOddity(tally.missing, k, placed, null, null);
          touched.add(2 * k);
        } else if (reader.outside(value, texts)) {
          const text = reader.text(value, texts);
          addOddity(
            tally.outside,
            k,
            placed,
            text === null ? finite(reader.number(value, texts)) : null,
            text,
          );
          touched.add(2 * k + 1);
        }
      }
    }
    return touched;
  }

  #close(window: ClosedWindow<RangeTally>): Finding[] {
    const { tally, to, index } = window;
    for (let k = 0; k < tally.rows.length; k++) {
      this.#totals.rows[k]! += tally.rows[k]!;
      this.#totals.missing[k]! += tally.missing[k]?.count ?? 0;
      this.#totals.outside[k]! += tally.outside[k]?.count ?? 0;
    }
    return this.#causes.flatMap((cause, c) => {
      const oddity = tally[cause.kind][cause.feature]!;
      const rows = tally.rows[cause.feature]!;
      const level = this.#judge(cause, oddity, rows, index, true);
      const { at, row } = oddity?.first ?? { at: to, row: 0 };
      const judged = { level, evidence: evidenceOf(oddity, rows), since: at, at, row: row ?? window.row, to };
      const { episode, said } = follow(this.#episodes[c]!, judged, false);
      this.#episodes[c] = episode;
      if (said === null || said.cleared === null) return [];
      this.#said.delete(c);
      return [rangeFinding(this.#context, this.#columns, cause, said)];
    });
  }

  /** Says what now holds of causes, where it has not been said or has changed. */
  #tell(causes: Iterable<number>, findings: Finding[], closed: number | null): void {
    const tallies = this.#windows.filling()?.tallies ?? [];
    for (const c of causes) {
      const told = this.#told(c, tallies);
      const before = this.#said.get(c);
      if (told === null) {
        if (before === undefined) continue;
        // It held for the beginning of a window only.
        this.#said.delete(c);
        findings.push(withdrawn(before, closed ?? this.#windows.watermark));
      } else if (before === undefined || changed(before, told)) {
        const finding = rangeFinding(this.#context, this.#columns, this.#causes[c]!, told);
        this.#said.set(c, finding);
        findings.push(finding);
      }
    }
  }

  /** What holds by closed windows and by what the next one holds so far: depends on the set of rows alone. */
  #told(c: number, filling: RangeTally[]): Told | null {
    const cause = this.#causes[c]!;
    const episode = this.#episodes[c]!;
    const known = episode?.level ? { ...episode, level: episode.level, cleared: null } : null;
    if (known?.level === 'act') return known;
    let oddity: Oddity | null = null;
    let rows = 0;
    for (const tally of filling) {
      oddity = mergeOddity(oddity, tally[cause.kind][cause.feature]!);
      rows += tally.rows[cause.feature]!;
    }
    const level = this.#judge(cause, oddity, rows, this.#windows.index, false);
    if (level === null || oddity === null) return known;
    const evidence = evidenceOf(oddity, rows);
    if (known !== null) return level === 'act' ? { ...known, level, evidence } : known;
    const { at } = oddity.first;
    const row = this.#windows.rowOf(oddity.first);
    return { level, since: at, at, row, calm: 0, last: level, evidence, cleared: null };
  }

  #judge(cause: Cause, oddity: Oddity | null, rows: number, index: number, closed: boolean): Level | null {
    if (oddity === null || !cause.watched) return null;
    const share = { ...cause, count: oddity.count, rows, closed };
    return judgeShare(share, this.#windows.rule.leastRows, errorRate(this.#causes.length, index));
  }

  #open(): RangeTally {
    const open = emptyTally(this.#columns.readers.length);
    for (const tally of this.#windows.filling()?.tallies ?? []) mergeTally(open, tally);
    return open;
  }
}

/** JSON has no infinity. */
function finite(value: number): number {
  return Math.max(-Number.MAX_VALUE, Math.min(Number.MAX_VALUE, value));
}

function changed(before: Finding, told: Told): boolean {
  return before.level !== told.level || before.since !== told.since || before.row !== told.row;
}

const nothing: Finding[] = [];
