import type { DriftFeature, DriftView } from '../api.ts';
import type { PredictionEvent } from '../events.ts';
import { shares } from '../stats/psi.ts';
import { type Columns, columnsOf } from './columns.ts';
import { type DriftEvidence, driftFinding } from './drift-finding.ts';
import { actPsi, judge, lookPsi, type Measure, measure, usualPsi } from './drift-rule.ts';
import { type Episode, follow } from './episode.ts';
import { errorRate, perVersion } from './false-alarms.ts';
import type { Finding, Monitor, MonitorContext, MonitorKind } from './monitor.ts';
import { leastOdd } from './range-rule.ts';
import { type ClosedWindow, defaultWindows, type SavedWindows, Windows } from './windows.ts';

export interface DriftMonitor extends Monitor {
  view(): DriftView;
}

/** A slice's counts, flat: for each feature missing, outside, and one a bin. */
type Tally = number[];

interface Saved {
  format: 1;
  windows: SavedWindows<Tally>;
  totals: Tally;
  episodes: (Episode<DriftEvidence> | null)[];
  history: SavedWindow[];
}
type SavedWindow = [from: number, to: number, rows: number, tally: Tally];

/** A closed window with what does not change any more: its JSON and its distance from the baseline, by feature. */
interface KeptWindow {
  window: SavedWindow;
  text: string;
  measures: Measure[];
}

const mostWindows = 200;
const explanation =
  `Counts live rows in the bins of the training data (at most ten, on its quantiles), in windows of whole days ` +
  `of event time with at least ${defaultWindows.leastRows} rows; a day closes when a row comes an hour after its end. ` +
  `PSI says how far a window lies from training (below ${lookPsi} little, above ${actPsi} much), a two-sample ` +
  `chi-square test whether chance could have made it. A finding needs both, and more than the training data's own ` +
  `stretches of that length differed from the whole, where its rows were in order of time; one window alone counts ` +
  `a level less. On independent rows like those of training, the chance of any finding for a version, ever, is at ` +
  `most ${perVersion * 100} %. It cannot know whether a shift harms: see the accuracy.`;

interface DriftKind extends MonitorKind {
  create(context: MonitorContext): DriftMonitor | null;
}

export const drift: DriftKind = {
  name: 'drift',
  explanation,
  create(context) {
    const columns = columnsOf(context);
    return columns === null ? null : new Drift(context, columns);
  },
};

class Drift implements DriftMonitor {
  #context: MonitorContext;
  #columns: Columns;
  #windows: Windows<Tally>;
  /** Where each feature's counts begin in a tally; the last entry is a tally's length. */
  #starts: number[] = [0];
  /** Over closed windows. */
  #totals: Tally;
  #episodes: (Episode<DriftEvidence> | null)[];
  /** Newest last; saving and viewing are frequent, closing is not. */
  #history: KeptWindow[] = [];
  #learns: boolean;

  constructor(context: MonitorContext, columns: Columns) {
    this.#context = context;
    this.#columns = columns;
    for (const reader of columns.readers) this.#starts.push(this.#starts.at(-1)! + 2 + reader.bins.length);
    const length = this.#starts.at(-1)!;
    const empty = () => new Array<number>(length).fill(0);
    this.#windows = new Windows<Tally>({ empty, merge: addTo, unranked: () => [] }, context.windows);
    this.#totals = empty();
    this.#episodes = columns.readers.map(() => null);
    this.#learns = context.learns ?? context.version.checkpoint !== null;
  }

  fold(event: PredictionEvent): Finding[] {
    if (event.role !== 'live' || event.version !== this.#context.version.version) return nothing;
    const placed = this.#windows.place(event.at);
    this.#count(event, this.#windows.count(placed, event.rows));
    const closed = this.#windows.advance(event.at);
    return closed.length === 0 ? nothing : closed.flatMap((window) => this.#close(window));
  }

  view(): DriftView {
    const filling = this.#windows.filling();
    const open = new Array<number>(this.#totals.length).fill(0);
    for (const tally of filling?.tallies ?? []) addTo(open, tally);
    const windows = [...this.#history];
    if (filling !== null) windows.push(this.#keep([filling.from, filling.to, filling.rows, open]));
    return {
      model: this.#context.model,
      version: this.#context.version.version,
      explanation,
      features: this.#columns.readers.map((_, k) => this.#viewFeature(k, windows, open)),
    };
  }

  save(): Uint8Array {
    const { history: _, ...rest }: Saved = {
      format: 1,
      windows: this.#windows.save(),
      totals: this.#totals,
      episodes: this.#episodes,
      history: [],
    };
    const head = JSON.stringify(rest).slice(0, -1);
    return new TextEncoder().encode(
      `${head},"history":[${this.#history.map(({ text }) => text).join(',')}]}`,
    );
  }

  restore(state: Uint8Array): void {
    const saved = JSON.parse(new TextDecoder().decode(state)) as Saved;
    this.#windows.restore(saved.windows);
    this.#totals = saved.totals;
    this.#episodes = saved.episodes;
    this.#history = saved.history.map((window) => this.#keep(window));
  }

  #count(event: PredictionEvent, tally: Tally): void {
    const places = this.#columns.of(event);
    const { rows, values, texts } = event;
    for (let k = 0; k < places.length; k++) {
      if (places[k]! < 0) continue;
      const reader = this.#columns.readers[k]!;
      const start = this.#starts[k]!;
      const column = places[k]! * rows;
      for (let row = 0; row < rows; row++) {
        const value = values[column + row]!;
        if (Number.isNaN(value)) tally[start]!++;
        else {
          tally[start + 2 + reader.bin(value, texts)]!++;
          if (reader.outside(value, texts)) tally[start + 1]!++;
        }
      }
    }
  }

  #close(window: ClosedWindow<Tally>): Finding[] {
    addTo(this.#totals, window.tally);
    this.#history.push(this.#keep([window.from, window.to, window.rows, window.tally]));
    if (this.#history.length > mostWindows) this.#history.shift();
    const alpha = errorRate(this.#columns.readers.length, window.index);
    return this.#columns.readers.flatMap((_, k) => this.#judge(k, window, alpha));
  }

  #judge(k: number, window: ClosedWindow<Tally>, alpha: number): Finding[] {
    const reader = this.#columns.readers[k]!;
    const profile = this.#columns.profiles[k]!;
    const counts = this.#counts(k, window.tally);
    const { psi, pValue, level } = judge(reader, profile, counts, alpha);
    const evidence: DriftEvidence | null =
      psi === null || pValue === null
        ? null
        : {
            psi,
            pValue,
            usual: usualPsi(profile, counts),
            rows: window.rows,
            from: window.from,
            to: window.to,
            shares: shares(counts),
          };
    const before = this.#episodes[k]!;
    const { from, to, row } = window;
    const { episode, said } = follow(before, { level, evidence, since: from, at: to, row, to }, true);
    this.#episodes[k] = episode;
    // What was constant and moves is said at once by `range`; a learner leaves its first data behind on purpose.
    if (said === null || profile.constant !== null || this.#learns) return [];
    return [driftFinding(this.#context, reader, said, evidence)];
  }

  #keep(window: SavedWindow): KeptWindow {
    const measures = this.#columns.readers.map((reader, k) => measure(reader, this.#counts(k, window[3])));
    return { window, text: JSON.stringify(window), measures };
  }

  #viewFeature(k: number, windows: KeptWindow[], open: Tally): DriftFeature {
    const reader = this.#columns.readers[k]!;
    const start = this.#starts[k]!;
    const seen = windows.map(({ window, measures }): DriftFeature['windows'][number] => {
      const [from, to, rows, tally] = window;
      const [missing, outOfRange] = [tally[start]!, tally[start + 1]!];
      return { from, to, rows, ...measures[k]!, missing, outOfRange, counts: this.#counts(k, tally) };
    });
    const profile = this.#columns.profiles[k]!;
    const episode = this.#episodes[k]!;
    // What was constant has moved with the first few rows, not only when a window closes: as `range` says.
    const moves = seen
      .slice(-2)
      .find(({ outOfRange }) => profile.constant !== null && outOfRange >= leastOdd);
    return {
      feature: reader.name,
      psi: seen[this.#history.length - 1]?.psi ?? null,
      level: moves ? 'act' : (episode?.level ?? 'well'),
      since: episode?.level ? episode.since : (moves?.from ?? null),
      missing: this.#totals[start]! + open[start]!,
      outOfRange: this.#totals[start + 1]! + open[start + 1]!,
      baseline: { bins: reader.bins, shares: reader.baselineShares, constant: profile.constant },
      windows: seen,
    };
  }

  #counts(k: number, tally: Tally): number[] {
    return tally.slice(this.#starts[k]! + 2, this.#starts[k + 1]!);
  }
}

function addTo(into: Tally, from: Tally): void {
  for (let k = 0; k < into.length; k++) into[k]! += from[k]!;
}

const nothing: Finding[] = [];
