import type { FindingView } from '../api.ts';
import { readSnapshot, writeSnapshot } from '../db/snapshot-file.ts';
import { SlipwayError, toSlipwayError } from '../errors.ts';
import type { Blobs } from '../registry/blobs.ts';
import type { KnownVersion, ModelRecord, NewEntry, Registry } from '../registry/registry.ts';
import type { Snapshot } from '../snapshot.ts';
import { changeBetween } from '../snapshot-change.ts';
import type { Lines } from './lines.ts';
import { makeSnapshot } from './manifest.ts';
import type { Scorers } from './scorers.ts';

interface Parts {
  registry: Registry;
  blobs: Blobs;
  scorers: Scorers;
  snapshotFile: string;
  /** ms since the epoch. */
  now: () => number;
  /** Something that readers of the API may have seen has changed. */
  onChanged: (topics: string[]) => void;
}

/** How every use case changes what is served: one change at a time, in force on every lane when it is done, or undone as a whole. */
export class Changes {
  readonly registry: Registry;
  readonly blobs: Blobs;
  readonly now: () => number;
  readonly onChanged: (topics: string[]) => void;
  readonly #scorers: Scorers;
  readonly #file: string;
  #snapshot: Snapshot | null;
  #lines: Lines | null = null;
  #last: Promise<unknown> = Promise.resolve();

  constructor(parts: Parts) {
    this.registry = parts.registry;
    this.blobs = parts.blobs;
    this.now = parts.now;
    this.onChanged = parts.onChanged;
    this.#scorers = parts.scorers;
    this.#file = parts.snapshotFile;
    this.#snapshot = readSnapshot(parts.snapshotFile);
  }

  get snapshot(): Snapshot | null {
    return this.#snapshot;
  }

  /**
   * From now on changes reach these lanes. A new folder gets its first, empty snapshot, and what an older Slipway wrote
   * is said anew.
   */
  begin(lines: Lines): void {
    this.#lines = lines;
    const next = this.#make();
    const { models, gone } = changeBetween(this.#snapshot, next);
    if (!this.#snapshot || gone.length > 0 || Object.keys(models).length > 0) this.#put(next);
    this.#scorers.keep(next);
  }

  /** Changes wait for each other: a snapshot is in force, or undone, before the next is made. */
  inTurn<T>(change: () => Promise<T>): Promise<T> {
    const turn = this.#last.then(change, change);
    this.#last = turn.catch(() => {});
    return turn;
  }

  /**
   * Changes the registry, and has every lane serve what it says then; all of it is undone if a version does not come up,
   * or a lane refuses. Only within a turn.
   */
  async make<T>(change: () => T): Promise<T> {
    const before = this.#snapshot;
    const { result, undo } = this.registry.reversible(change);
    const snapshot = this.#make();
    try {
      // What is made current is warm before any lane asks it.
      await this.#scorers.prepare(before, snapshot);
      this.#put(snapshot);
      await this.#lines?.serve(snapshot);
    } catch (error) {
      if (toSlipwayError(error).code !== 'TIMEOUT') {
        undo();
        const restored = this.#make();
        this.#put(restored);
        await this.#lines?.serve(restored).catch(() => {});
      }
      throw error;
    } finally {
      if (this.#snapshot) this.#scorers.keep(this.#snapshot);
      const { models: changed, gone } = changeBetween(before, snapshot);
      const topics = [...Object.keys(changed), ...gone].map((model) => `models/${model}`);
      this.onChanged(['models', 'timeline', ...topics]);
    }
    return result;
  }

  /** A line of the timeline. */
  enter(entry: Pick<NewEntry, 'model' | 'version' | 'kind' | 'message' | 'by'> & Partial<NewEntry>): void {
    this.registry.addEntry({ eventTime: null, level: 'well', reasons: [], at: this.now(), ...entry });
  }

  /** Control's own findings that hold no more. */
  clearFindings(model: string, isOver: (finding: FindingView) => boolean): void {
    for (const finding of this.registry.findings(model))
      if (finding.cleared === null && isOver(finding))
        this.registry.saveFinding({ ...finding, cleared: this.now() });
  }

  /** Throws MODEL_NOT_FOUND. */
  model(name: string): ModelRecord {
    const record = this.registry.model(name);
    if (!record) throw new SlipwayError('MODEL_NOT_FOUND', `There is no model "${name}".`);
    return record;
  }

  /** Throws MODEL_NOT_FOUND or VERSION_NOT_FOUND. */
  version(name: string, version: number): KnownVersion {
    this.model(name);
    const record = this.registry.version(name, version);
    if (!record) throw new SlipwayError('VERSION_NOT_FOUND', `"${name}" has no version ${version}.`);
    return record;
  }

  /** What the registry says now. */
  #make(): Snapshot {
    return makeSnapshot(this.registry, this.#snapshot, this.registry.nextSnapshot(), this.now());
  }

  /** Lanes that come from now on begin with it. */
  #put(snapshot: Snapshot): void {
    writeSnapshot(this.#file, snapshot);
    this.registry.touched.clear();
    this.#snapshot = snapshot;
  }
}
