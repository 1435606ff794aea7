import type { DatabaseSync } from 'node:sqlite';
import type { CheckpointView, FindingView, Gate, TimelineEntry } from '../api.ts';
import { migrate, openDatabase } from '../db/open.ts';
import { registrySchema } from '../db/registry-schema.ts';
import { inTransaction } from '../db/transaction.ts';
import { UndoLog } from '../db/undo-log.ts';
import type { Importance } from '../models/model.ts';
import type { Placement } from '../placement.ts';
import { type Merging, type ServingChoice, usualServing } from '../serving.ts';
import type { RowPolicy, Signature } from '../signature.ts';
import type { ServedModel, ServedRollout } from '../snapshot.ts';

/** One immutable artifact of a model, with all that was found about it. */
export interface VersionRecord {
  model: string;
  version: number;
  kind: string;
  program: string;
  signature: Signature;
  policy: RowPolicy;
  impute: (number | null)[];
  baseline: string | null;
  /** Not kept of versions that were registered before lanes took them. */
  golden?: string | null;
  promise: { metric: 'accuracy' | 'mae'; value: number; rows: number } | null;
  microseconds: number;
  /** Not known of versions that were registered before it was measured. */
  batchMicroseconds?: number;
  merging?: Merging;
  placement?: Placement;
  memoryBytes?: number;
  attachedBytes?: number;
  importance?: Importance[];
  facts: Record<string, string | number | boolean>;
  gates: Gate[];
  provenance: {
    by: string;
    at: number;
    /** Name as given; `digest` and `bytes` are of the files in it (see `digestOf`), `main` is the one that holds the model. */
    file: string;
    digest: string;
    bytes: number;
    framework: string;
    files?: number;
    main?: string;
    /** The blob that was uploaded, where it is still the archive. */
    upload?: string;
  };
}

/** A version as it is known by now: what changed after it was registered stands beside the record. */
export interface KnownVersion extends VersionRecord {
  quarantined: boolean;
  serving: ServingChoice;
}

export interface ModelRecord {
  model: string;
  live: number | null;
  previous: number | null;
  /** Id of the running rollout. */
  rollout: string | null;
  failedWrite: ServedModel['failedWrite'];
  privacy: ServedModel['privacy'];
  /** Taken out of the lanes by hand. */
  unloaded: boolean;
}

export interface RolloutRecord extends ServedRollout {
  model: string;
  startedAt: number;
  endedAt: number | null;
  /** Said when it came to a verdict, or was ended. */
  verdict: 'continue' | 'promote' | 'hold' | 'roll back' | 'inconclusive';
  reasons: string[];
}

export interface CheckpointRecord extends CheckpointView {
  model: string;
  version: number;
}

export type NewEntry = Omit<TimelineEntry, 'id'>;

/** Of a change that is taken back; the command that asked for it is not done then. */
const undoneTables = [
  'models',
  'versions',
  'checkpoints',
  'rollouts',
  'timeline',
  'findings',
  'done',
] as const;

/** Models, versions, checkpoints, rollouts and the timeline, in registry.db. */
export class Registry {
  /** Models whose records may be other than whoever emptied this last has read them; at first all. */
  readonly touched: Set<string>;
  readonly #database: DatabaseSync;
  readonly #undo: UndoLog;
  readonly #sql: ReturnType<typeof statements>;

  constructor(file: string) {
    this.#database = openDatabase(file);
    migrate(this.#database, file, registrySchema);
    this.#undo = new UndoLog(this.#database, undoneTables);
    this.#sql = statements(this.#database);
    this.touched = new Set(this.models().map(({ model }) => model));
  }

  close(): void {
    this.#database.close();
  }

  /** All of it or nothing of it. */
  transaction<T>(change: () => T): T {
    return inTransaction(this.#database, change);
  }

  /** Likewise; `undo` takes all of it back, as long as nothing else has changed what it changed. */
  reversible<T>(change: () => T): { result: T; undo: () => void } {
    const { result, undo } = this.transaction(() => this.#undo.record(change));
    const touched = [...this.touched];
    return {
      result,
      undo: () => {
        this.transaction(undo);
        for (const model of touched) this.touched.add(model);
      },
    };
  }

  models(): ModelRecord[] {
    return (this.#sql.models.all() as unknown as ModelRow[]).map(toModel);
  }

  model(name: string): ModelRecord | null {
    const row = this.#sql.model.get(name) as ModelRow | undefined;
    return row ? toModel(row) : null;
  }

  saveModel({ model, live, previous, rollout, failedWrite, privacy, unloaded }: ModelRecord): void {
    const rules = JSON.stringify(privacy);
    this.touched.add(model);
    this.#sql.saveModel.run(model, live, previous, rollout, failedWrite, rules, unloaded ? 1 : 0);
  }

  versions(model: string): KnownVersion[] {
    return (this.#sql.versions.all(model) as unknown as VersionRow[]).map((row) => ({
      ...(JSON.parse(row.record) as VersionRecord),
      quarantined: row.quarantined === 1,
      serving: row.serving === null ? usualServing : (JSON.parse(row.serving) as ServingChoice),
    }));
  }

  version(model: string, version: number): KnownVersion | null {
    return this.versions(model).find((one) => one.version === version) ?? null;
  }

  addVersion(record: VersionRecord): void {
    this.touched.add(record.model);
    this.#sql.addVersion.run(record.model, record.version, JSON.stringify(record));
  }

  /** Digests of all blobs that any version or checkpoint needs. */
  blobsInUse(): Set<string> {
    const inUse = new Set<string>();
    for (const row of this.#sql.blobs.iterate() as Iterable<{ digest: string | null }>)
      if (row.digest !== null) inUse.add(row.digest);
    return inUse;
  }

  saveServing(model: string, version: number, serving: ServingChoice): void {
    this.touched.add(model);
    this.#sql.saveServing.run(JSON.stringify(serving), model, version);
  }

  /** Counts that a version hung or crashed; returns how often it has by now. */
  countStop(model: string, version: number): number {
    this.#sql.countHang.run(model, version);
    return (this.#sql.hangs.get(model, version) as { hangs: number } | undefined)?.hangs ?? 0;
  }

  quarantine(model: string, version: number): void {
    this.touched.add(model);
    this.#sql.quarantine.run(model, version);
  }

  /** Oldest update first. */
  checkpoints(model: string, version: number): CheckpointRecord[] {
    return (this.#sql.checkpoints.all(model, version) as { record: string }[]).map(
      ({ record }) => JSON.parse(record) as CheckpointRecord,
    );
  }

  /** Whether a checkpoint of any version has these bytes. */
  isCheckpoint(digest: string): boolean {
    return this.#sql.isCheckpoint.get(digest) !== undefined;
  }

  saveCheckpoint(record: CheckpointRecord): void {
    this.touched.add(record.model);
    this.#sql.saveCheckpoint.run(record.model, record.version, record.update, JSON.stringify(record));
  }

  dropCheckpoint({ model, version, update }: CheckpointRecord): void {
    this.touched.add(model);
    this.#sql.dropCheckpoint.run(model, version, update);
  }

  /** Newest first. */
  rollouts(model: string): RolloutRecord[] {
    return (this.#sql.rollouts.all(model) as { record: string }[])
      .map(({ record }) => JSON.parse(record) as RolloutRecord)
      .sort((a, b) => b.startedAt - a.startedAt || b.id.localeCompare(a.id));
  }

  rollout(id: string): RolloutRecord | null {
    const row = this.#sql.rollout.get(id) as { record: string } | undefined;
    return row ? (JSON.parse(row.record) as RolloutRecord) : null;
  }

  saveRollout(record: RolloutRecord): void {
    this.touched.add(record.model);
    this.#sql.saveRollout.run(record.id, record.model, JSON.stringify(record));
  }

  addEntry(entry: NewEntry): void {
    const { at, eventTime, model, version, kind, level, message, by, reasons } = entry;
    this.#sql.addEntry.run(at, eventTime, model, version, kind, level, message, by, JSON.stringify(reasons));
  }

  /** Newest first; `before`: an entry's id to go on from. */
  timeline(options: { model?: string; limit: number; before?: number }): TimelineEntry[] {
    const rows = this.#sql.timeline.all(
      options.before ?? Number.MAX_SAFE_INTEGER,
      options.model ?? null,
      options.model ?? null,
      options.limit,
    ) as unknown as EntryRow[];
    return rows.map(({ id, event_time: eventTime, reasons, ...row }) => ({
      ...row,
      id: String(id),
      eventTime,
      reasons: JSON.parse(reasons) as string[],
      level: row.level as TimelineEntry['level'],
    }));
  }

  findings(model?: string): FindingView[] {
    return (this.#sql.findings.all(model ?? null, model ?? null) as { finding: string }[]).map(
      ({ finding }) => JSON.parse(finding) as FindingView,
    );
  }

  saveFinding(finding: FindingView): void {
    this.#sql.saveFinding.run(finding.id, finding.model, JSON.stringify(finding));
  }

  isDone(id: string): boolean {
    return this.#sql.isDone.get(id) !== undefined;
  }

  setDone(id: string): void {
    this.#sql.setDone.run(id);
  }

  nextSnapshot(): number {
    return this.#next('snapshot', 0);
  }

  nextVersion(model: string): number {
    return this.#next(`version/${model}`, this.versions(model).at(-1)?.version ?? 0);
  }

  nextRollout(model: string): number {
    return this.#next(`rollout/${model}`, this.rollouts(model).length);
  }

  /** A higher number than `least`, and than any before of this name: what was undone gives none back. */
  #next(name: string, least: number): number {
    const row = this.#sql.meta.get(name) as { value: string } | undefined;
    const next = Math.max(least, Number(row?.value ?? 0)) + 1;
    this.#sql.setMeta.run(name, String(next));
    return next;
  }
}

interface VersionRow {
  record: string;
  quarantined: number;
  serving: string | null;
}

interface ModelRow {
  model: string;
  live: number | null;
  previous: number | null;
  rollout: string | null;
  failed_write: string;
  privacy: string;
  unloaded: number;
}

interface EntryRow {
  id: number;
  at: number;
  event_time: number | null;
  model: string | null;
  version: number | null;
  kind: string;
  level: string;
  message: string;
  by: string;
  reasons: string;
}

function toModel({ failed_write: failedWrite, privacy, unloaded, ...row }: ModelRow): ModelRecord {
  return {
    ...row,
    unloaded: unloaded === 1,
    failedWrite: failedWrite as ModelRecord['failedWrite'],
    privacy: JSON.parse(privacy) as ModelRecord['privacy'],
  };
}

function statements(database: DatabaseSync) {
  const sql = (text: string) => database.prepare(text);
  return {
    models: sql('SELECT * FROM models ORDER BY model'),
    model: sql('SELECT * FROM models WHERE model = ?'),
    saveModel: sql('INSERT OR REPLACE INTO models VALUES (?, ?, ?, ?, ?, ?, ?)'),
    versions: sql('SELECT record, quarantined, serving FROM versions WHERE model = ? ORDER BY version'),
    addVersion: sql('INSERT INTO versions (model, version, record) VALUES (?, ?, ?)'),
    saveServing: sql('UPDATE versions SET serving = ? WHERE model = ? AND version = ?'),
    countHang: sql('UPDATE versions SET hangs = hangs + 1 WHERE model = ? AND version = ?'),
    hangs: sql('SELECT hangs FROM versions WHERE model = ? AND version = ?'),
    quarantine: sql('UPDATE versions SET quarantined = 1 WHERE model = ? AND version = ?'),
    blobs: sql(`
      SELECT record ->> '$.program' AS digest FROM versions UNION
      SELECT record ->> '$.baseline' FROM versions UNION
      SELECT record ->> '$.golden' FROM versions UNION
      SELECT record ->> '$.provenance.upload' FROM versions UNION
      SELECT record ->> '$.provenance.digest' FROM versions UNION
      SELECT record ->> '$.digest' FROM checkpoints`),
    checkpoints: sql('SELECT record FROM checkpoints WHERE model = ? AND version = ? ORDER BY upd'),
    isCheckpoint: sql("SELECT 1 FROM checkpoints WHERE record ->> '$.digest' = ?"),
    saveCheckpoint: sql('INSERT OR REPLACE INTO checkpoints VALUES (?, ?, ?, ?)'),
    dropCheckpoint: sql('DELETE FROM checkpoints WHERE model = ? AND version = ? AND upd = ?'),
    rollouts: sql('SELECT record FROM rollouts WHERE model = ?'),
    rollout: sql('SELECT record FROM rollouts WHERE id = ?'),
    saveRollout: sql('INSERT OR REPLACE INTO rollouts VALUES (?, ?, ?)'),
    addEntry: sql(
      'INSERT INTO timeline (at, event_time, model, version, kind, level, message, by, reasons) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)',
    ),
    timeline: sql(
      'SELECT * FROM timeline WHERE id < ? AND (? IS NULL OR model = ?) ORDER BY id DESC LIMIT ?',
    ),
    findings: sql('SELECT finding FROM findings WHERE ? IS NULL OR model = ?'),
    saveFinding: sql('INSERT OR REPLACE INTO findings VALUES (?, ?, ?)'),
    isDone: sql('SELECT 1 FROM done WHERE id = ?'),
    setDone: sql('INSERT OR IGNORE INTO done VALUES (?)'),
    meta: sql('SELECT value FROM meta WHERE name = ?'),
    setMeta: sql('INSERT OR REPLACE INTO meta VALUES (?, ?)'),
  };
}
