import type { PredictionEvent } from '../events.ts';
import type { Finding } from '../finding.ts';
import { kindNamed } from '../models/kinds.ts';
import type { Baseline } from '../monitors/baseline.ts';
import { monitorKinds } from '../monitors/kinds.ts';
import type { Monitor } from '../monitors/monitor.ts';
import { type Snapshot, versionIn } from '../snapshot.ts';
import { Traffic } from './traffic.ts';

interface Watched {
  name: string;
  model: string;
  version: number;
  monitor: Monitor;
}

/** Where the folds' states and views are kept: state.db's table `folds`. */
export interface FoldStore {
  load(name: string): Uint8Array | null;
  save(name: string, state: Uint8Array, view: unknown): void;
}

/** Folds over live predictions: traffic a model, and every monitor of every version that answers. */
export class Watching {
  readonly #store: FoldStore;
  readonly #baselineOf: (model: string, version: number) => Baseline | null;
  readonly #watched = new Map<string, Watched[]>();
  readonly #traffic = new Map<string, Traffic>();
  #snapshot: Snapshot | null = null;

  constructor(store: FoldStore, baselineOf: (model: string, version: number) => Baseline | null) {
    this.#store = store;
    this.#baselineOf = baselineOf;
  }

  take(snapshot: Snapshot): void {
    this.#snapshot = snapshot;
  }

  fold(event: PredictionEvent): Finding[] {
    if (event.role !== 'live') return none;
    this.#trafficOf(event.model).add(event.at, event.rows);
    const findings: Finding[] = [];
    for (const { monitor } of this.#monitorsOf(event.model, event.version)) {
      const said = monitor.fold(event);
      if (said.length > 0) findings.push(...said);
    }
    return findings;
  }

  save(): void {
    for (const [model, traffic] of this.#traffic) {
      this.#store.save(`traffic/${model}`, traffic.save(), traffic.view());
    }
    for (const watched of this.#watched.values()) {
      for (const { name, monitor } of watched) this.#store.save(name, monitor.save(), monitor.view());
    }
  }

  #trafficOf(model: string): Traffic {
    let traffic = this.#traffic.get(model);
    if (!traffic) {
      traffic = Traffic.restore(this.#store.load(`traffic/${model}`));
      this.#traffic.set(model, traffic);
    }
    return traffic;
  }

  /** A version's monitors begin with its first live prediction. */
  #monitorsOf(model: string, version: number): Watched[] {
    const key = `${model}/${version}`;
    const known = this.#watched.get(key);
    if (known) return known;
    const served = versionIn(this.#snapshot, model, version);
    // A version that is not in the snapshot any more: what it answered last is not watched.
    if (!served) return [];
    const made: Watched[] = [];
    for (const kind of monitorKinds) {
      const monitor = kind.create({
        model,
        version: served,
        baseline: this.#baselineOf(model, version),
        learns: kindNamed(served.kind).learns,
      });
      if (!monitor) continue;
      const name = `monitor/${key}/${kind.name}`;
      const state = this.#store.load(name);
      if (state) monitor.restore(state);
      made.push({ name, model, version, monitor });
    }
    this.#watched.set(key, made);
    return made;
  }
}

const none: Finding[] = [];
