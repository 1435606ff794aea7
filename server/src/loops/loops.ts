import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import { deserialize, serialize } from 'node:v8';
import { migrate, openDatabase } from '../db/open.ts';
import { readSnapshot } from '../db/snapshot-file.ts';
import { stateSchema } from '../db/state-schema.ts';
import { type Cursor, isAfter, type PredictionEvent } from '../events.ts';
import type { Finding } from '../finding.ts';
import { Finder } from '../journal/find.ts';
import { IdSource } from '../journal/id.ts';
import { type Damage, type ReadEvent, Reader } from '../journal/reader.ts';
import { type Retained, retain } from '../journal/retain.ts';
import type { Layout } from '../layout.ts';
import type { Command } from '../messages.ts';
import type { Baseline } from '../monitors/baseline.ts';
import { type Snapshot, versionIn } from '../snapshot.ts';
import { Advancing } from './advancing.ts';
import { ControlLine } from './control-line.ts';
import { Join } from './join.ts';
import { LaneLines } from './lane-lines.ts';
import { Learning } from './learning.ts';
import { Predictions } from './predictions.ts';
import { Signatures } from './signatures.ts';
import { Told } from './told.ts';
import { Watching } from './watching.ts';

export interface LoopsOptions {
  layout: Layout;
  waitingLimit: number;
  waitingMs: number;
  checkpointLabels: number;
  retentionMs: number;
  retentionBytes: number;
  onDamage: (damage: Damage) => void;
}

/** Journal read in one transaction, bytes: bounds memory and how long readers of state.db see nothing new. */
const batchBytes = 1 << 20;
/** Recent predictions kept at hand for their labels, bytes. */
const recentBytes = 24 << 20;
/** Folds whose state may lag are saved this long after they moved, ms. */
const saveMs = 250;
/** Segments of lanes that died before they rang are looked for this often, ms. */
const lookMs = 1000;
/** Retention is looked at this often, ms. */
const retainMs = 60_000;
/** Predictions listed as recent, a model. */
const recentRows = 200;

/** All loops over one journal: read, fold, commit, make what came of it happen, say so. */
export class Loops {
  readonly #options: LoopsOptions;
  readonly #database: DatabaseSync;
  readonly #reader: Reader;
  readonly #join: Join;
  readonly #signatures: Signatures;
  readonly #learning: Learning;
  readonly #advancing: Advancing;
  readonly #watching: Watching;
  readonly #lanes: LaneLines;
  readonly #told = new Told();
  readonly #control: ControlLine;
  readonly #sql: ReturnType<typeof statements>;
  /** Joined up to here; folds of predictions may be behind after a death. */
  #joined: Cursor;
  #snapshot: Snapshot | null = null;
  #next: Snapshot | null = null;
  /** Commands to be carried out before anything more is folded: those of before a death, and verdicts that are due. */
  #due: Command[] = [];
  #restores: Parameters<ConstructorParameters<typeof ControlLine>[2]>[0][] = [];
  #predictions = new Map<string, number>();
  #working: Promise<void> | null = null;
  #woken = false;
  #look = true;
  #unsaved = false;
  #savedAt = 0;
  #oldest = 0;
  readonly #timers: NodeJS.Timeout[] = [];

  constructor(options: LoopsOptions) {
    this.#options = options;
    const { layout } = options;
    this.#database = openDatabase(layout.state);
    migrate(this.#database, layout.state, stateSchema);
    this.#sql = statements(this.#database);
    this.#joined = this.#loadCursor('watch');
    this.#reader = new Reader(layout.journal, this.#loadCursor('monitors'), options.onDamage);
    this.#signatures = new Signatures(this.#database);
    this.#learning = new Learning(this.#database, layout.blobs, options.checkpointLabels);
    const baselineOf = (model: string, version: number) => this.#baseline(model, version);
    this.#join = new Join(
      this.#database,
      new Predictions(new Finder(layout.journal), recentBytes),
      (model, version) => this.#signatures.of(model, version),
      (model) => this.#learning.has(model),
    );
    this.#advancing = new Advancing(this.#database, baselineOf, (name, view) => {
      this.#sql.saveFold.run(name, new Uint8Array(0), JSON.stringify(view));
    });
    this.#watching = new Watching(
      {
        load: (name) => (this.#sql.loadFold.get(name) as { state: Uint8Array } | undefined)?.state ?? null,
        save: (name, state, view) => this.#sql.saveFold.run(name, state, JSON.stringify(view)),
      },
      baselineOf,
    );
    const retained = this.#sql.loadView.get('journal') as { view: string } | undefined;
    if (retained) this.#oldest = (JSON.parse(retained.view) as Retained).oldest;
    for (const { model, predictions } of this.#sql.counts.all() as { model: string; predictions: number }[]) {
      this.#predictions.set(model, predictions);
    }
    this.#lanes = new LaneLines(
      () => this.wake(),
      () => this.#learning.updates(true),
      () => ({ waiting: this.#join.waiting, waitingLimit: options.waitingLimit, oldest: this.#oldest }),
    );
    this.#control = new ControlLine(
      layout.controlSocket,
      (snapshot) => {
        this.#next = snapshot;
        this.wake();
      },
      (restore) => {
        this.#restores.push(restore);
        this.wake();
      },
      (command) => this.#sql.dropCommand.run(command),
    );
    for (const { command } of this.#sql.commands.all() as { command: Uint8Array }[]) {
      this.#due.push(deserialize(command) as Command);
    }
  }

  /** Begins; `snapshot`: as control left it on disk. */
  async start(snapshot: Snapshot | null): Promise<void> {
    this.#next ??= snapshot;
    await this.#takeSnapshot();
    await this.#lanes.open(this.#options.layout.loopsSocket);
    const look = setInterval(() => {
      this.#look = true;
      this.wake();
    }, lookMs);
    const retention = setInterval(() => this.#retain(), retainMs);
    this.#timers.push(look, retention);
    this.#retain();
    this.wake();
  }

  /** There may be something to do. */
  wake(): void {
    this.#woken = true;
    this.#working ??= this.#work().finally(() => {
      this.#working = null;
      if (this.#woken) this.wake();
    });
  }

  /** Folds what is there, saves, ends. */
  async stop(): Promise<void> {
    for (const timer of this.#timers) clearInterval(timer);
    this.#look = true;
    this.wake();
    await this.#working;
    this.#save();
    this.#lanes.close();
    this.#control.close();
    this.#reader.close();
    this.#database.close();
  }

  async #work(): Promise<void> {
    while (this.#woken) {
      this.#woken = false;
      await this.#takeSnapshot();
      await this.#carryOut(this.#due.splice(0));
      await this.#takeRestores();
      const rung = this.#lanes.rung();
      const { events, everywhere } = this.#read(rung);
      await this.#catchUp(events);
      const commands = events.length > 0 ? this.#fold(events) : [];
      // More may have been written than one batch takes.
      if (events.length > 0) this.#woken = true;
      await this.#lanes.serve(this.#learning.updates());
      await this.#carryOut(commands);
      const told = this.#told.after(this.#joined, events.some(isByKey), everywhere);
      if (told) this.#lanes.folded((incarnation) => told[incarnation] ?? { segment: 0, offset: 0 }, rung);
      if (this.#told.isPending) {
        this.#look = true;
        this.#woken = true;
      }
      if (performance.now() - this.#savedAt > saveMs) this.#save();
      else if (this.#unsaved) this.#saveLater();
    }
  }

  /** Resolves when the verdicts among them are in force. */
  async #carryOut(commands: Command[]): Promise<void> {
    const deciding = commands.filter(decides).map((command) => this.#control.carryOut(command));
    for (const command of commands) if (!decides(command)) void this.#control.carryOut(command);
    await Promise.all(deciding);
  }

  /** A lane may serve a snapshot, and its answers be read, before control's word of it is: then it is on disk. */
  async #catchUp(events: ReadEvent[]): Promise<void> {
    const known = this.#next ?? this.#snapshot;
    const newest = events.reduce(
      (most, { event }) => (event.type === 'prediction' ? Math.max(most, event.snapshot) : most),
      0,
    );
    if (newest <= (known?.number ?? 0)) return;
    this.#next = readSnapshot(this.#options.layout.snapshot) ?? this.#next;
    await this.#takeSnapshot();
  }

  /**
   * The lanes that rang are read first and without a look through the folder: that is the short way of a label.
   * `everywhere`: nothing is left of what there was.
   */
  #read(rung: number[]): { events: ReadEvent[]; everywhere: boolean } {
    if (!this.#look && rung.length === 1) {
      const events = this.#reader.readOne(rung[0]!, batchBytes);
      if (events.length > 0) return { events, everywhere: false };
    }
    this.#look = false;
    const events = this.#reader.read(batchBytes);
    return { events, everywhere: !this.#reader.hasMore };
  }

  /** One batch in one transaction. Returns the commands that came of it. */
  #fold(events: ReadEvent[]): Command[] {
    const topics = new Set<string>();
    const commands = this.#transaction(() => this.#foldAll(events, topics));
    this.#unsaved = true;
    this.#control.changed(topics);
    return commands;
  }

  #foldAll(events: ReadEvent[], topics: Set<string>): Command[] {
    const commands: Command[] = [];
    const live = new Map<string, PredictionEvent[]>();
    for (const { event, incarnation, position } of events) {
      const known = this.#joined[incarnation];
      const isJoined = known !== undefined && !isAfter(position, known);
      if (event.type === 'prediction') {
        for (const finding of this.#watching.fold(event)) commands.push(this.#find(finding));
        if (isJoined) continue;
        if (event.role === 'live') {
          const those = live.get(event.model);
          if (those) those.push(event);
          else live.set(event.model, [event]);
        }
        const late = this.#join.prediction(event);
        if (late.labels + late.invalid > 0) this.#sql.countLabels.run(event.model, late.labels, late.invalid);
        topics.add(`models/${event.model}`);
      } else {
        // What is joined is only read again for the monitors: the join's cursor never goes back.
        if (isJoined) continue;
        const { model, invalid } = this.#join.label(event);
        if (model !== null) {
          this.#sql.countLabels.run(model, 1, invalid ? 1 : 0);
          topics.add(`models/${model}`);
        }
      }
      this.#joined[incarnation] = position;
    }
    for (const [model, predictions] of live) this.#count(model, predictions);
    const outcomes = this.#join.take();
    commands.push(...this.#learning.learn(outcomes));
    const rowOf = (model: string) => this.#predictions.get(model) ?? 0;
    commands.push(...this.#advancing.advance(outcomes, this.#join.withdrawn, rowOf));
    this.#join.withdrawn = false;
    for (const command of commands) this.#keep(command);
    this.#sql.saveCursor.run('watch', JSON.stringify(this.#joined));
    return commands;
  }

  /** All or nothing. What is in memory cannot be taken back: a failure ends the process, and the next one goes on from the database. */
  #transaction<T>(change: () => T): T {
    this.#database.exec('BEGIN IMMEDIATE');
    try {
      const result = change();
      this.#database.exec('COMMIT');
      return result;
    } catch (error) {
      this.#database.exec('ROLLBACK');
      throw error;
    }
  }

  #count(model: string, predictions: PredictionEvent[]): void {
    const rows = predictions.reduce((sum, one) => sum + one.rows, 0);
    this.#sql.countPredictions.run(model, rows);
    const before = this.#predictions.get(model) ?? 0;
    this.#predictions.set(model, before + rows);
    for (const one of predictions.slice(-recentRows)) this.#sql.addRecent.run(model, one.id, one.rows);
    if (Math.floor(before / recentRows) < Math.floor((before + rows) / recentRows))
      this.#sql.trimRecent.run(model, model, recentRows);
  }

  #find(finding: Finding): Command {
    // An event that comes out of order may move the beginning of what still holds.
    this.#sql.dropOpenFinding.run(finding.id);
    this.#sql.saveFinding.run(
      finding.id,
      finding.since,
      finding.model,
      finding.at,
      finding.cleared,
      JSON.stringify(finding),
    );
    const state = finding.cleared === null ? finding.level : 'cleared';
    return { id: `finding/${finding.id}/${finding.since}/${state}`, kind: 'finding', finding };
  }

  async #takeSnapshot(): Promise<void> {
    const snapshot = this.#next;
    this.#next = null;
    if (!snapshot || snapshot.number <= (this.#snapshot?.number ?? 0)) return;
    this.#signatures.take(snapshot);
    await this.#learning.take(snapshot);
    this.#snapshot = snapshot;
    this.#watching.take(snapshot);
    this.#advancing.take(snapshot);
    this.#due.push(...this.#advancing.due((model) => this.#predictions.get(model) ?? 0));
    this.#unsaved = true;
  }

  async #takeRestores(): Promise<void> {
    for (const { id, model, version, update, state } of this.#restores.splice(0)) {
      const restored = this.#transaction((): Command | null => {
        const newest = this.#learning.restore(model, version, update, state);
        if (newest === null) return null;
        const at = Date.now();
        return this.#keep({ id, kind: 'restored', model, version, from: update, update: newest, at });
      });
      if (restored === null) continue;
      await this.#lanes.serve(this.#learning.updates());
      await this.#control.carryOut(restored);
    }
  }

  /** In the transaction of what it came of: it reaches control whatever dies, and is carried out once by its id. */
  #keep<T extends Command>(command: T): T {
    this.#sql.keepCommand.run(command.id, serialize(command));
    return command;
  }

  /** Folds whose state lags behind the join, with the cursor that goes with it, in one transaction. */
  #save(): void {
    if (!this.#unsaved) return;
    this.#unsaved = false;
    this.#savedAt = performance.now();
    this.#transaction(() => {
      this.#watching.save();
      this.#learning.save();
      this.#advancing.save();
      this.#sql.saveCursor.run('monitors', JSON.stringify(this.#reader.cursor()));
    });
  }

  #saveTimer: NodeJS.Timeout | null = null;
  #saveLater(): void {
    this.#saveTimer ??= setTimeout(() => {
      this.#saveTimer = null;
      if (this.#working) this.#saveLater();
      else this.#save();
      this.#control.changed(Object.keys(this.#snapshot?.models ?? {}).map((model) => `models/${model}`));
    }, saveMs);
    this.#saveTimer.unref();
  }

  #retain(): void {
    const { layout, retentionMs, retentionBytes, waitingMs } = this.#options;
    const policy = { maxAgeMs: retentionMs, maxBytes: retentionBytes };
    const kept: Retained = retain(layout.journal, policy, [this.#joined, this.#reader.cursor()], Date.now());
    if (kept.deleted.length > 0) this.#oldest = kept.oldest;
    const view: Retained = { ...kept, oldest: this.#oldest };
    this.#sql.saveFold.run('journal', new Uint8Array(0), JSON.stringify(view));
    const before = new IdSource(0, 0, () => 0).next(Date.now() - waitingMs);
    this.#transaction(() => {
      for (const [model, expired] of this.#join.expire(before)) this.#sql.countExpired.run(model, expired);
    });
  }

  #baseline(model: string, version: number): Baseline | null {
    const digest = versionIn(this.#snapshot, model, version)?.baseline;
    if (!digest) return null;
    return JSON.parse(readFileSync(join(this.#options.layout.blobs, digest), 'utf8')) as Baseline;
  }

  #loadCursor(name: string): Cursor {
    const row = this.#sql.loadCursor.get(name) as { at: string } | undefined;
    return row ? (JSON.parse(row.at) as Cursor) : {};
  }
}

/** Whether what follows must wait until control has carried it out. */
function decides(command: Command): boolean {
  return command.kind === 'promote' || command.kind === 'roll back';
}

function isByKey({ event }: ReadEvent): boolean {
  return event.type === 'label' && event.prediction === null;
}

function statements(database: DatabaseSync) {
  const sql = (text: string) => database.prepare(text);
  return {
    loadCursor: sql('SELECT at FROM cursors WHERE name = ?'),
    saveCursor: sql('INSERT OR REPLACE INTO cursors VALUES (?, ?)'),
    counts: sql('SELECT model, predictions FROM counts'),
    countPredictions: sql(
      'INSERT INTO counts (model, predictions) VALUES (?, ?) ON CONFLICT (model) DO UPDATE SET predictions = predictions + excluded.predictions',
    ),
    countLabels: sql(
      'INSERT INTO counts (model, labels, invalid) VALUES (?, ?, ?) ON CONFLICT (model) DO UPDATE SET labels = labels + excluded.labels, invalid = invalid + excluded.invalid',
    ),
    addRecent: sql('INSERT OR IGNORE INTO recent VALUES (?, ?, ?)'),
    trimRecent: sql(
      'DELETE FROM recent WHERE model = ? AND id < (SELECT id FROM recent WHERE model = ? ORDER BY id DESC LIMIT 1 OFFSET ?)',
    ),
    countExpired: sql(
      'INSERT INTO counts (model, expired) VALUES (?, ?) ON CONFLICT (model) DO UPDATE SET expired = expired + excluded.expired',
    ),
    loadFold: sql('SELECT state FROM folds WHERE name = ?'),
    commands: sql('SELECT command FROM commands'),
    keepCommand: sql('INSERT OR REPLACE INTO commands VALUES (?, ?)'),
    dropCommand: sql('DELETE FROM commands WHERE id = ?'),
    loadView: sql('SELECT view FROM folds WHERE name = ?'),
    saveFold: sql('INSERT OR REPLACE INTO folds VALUES (?, ?, ?)'),
    dropOpenFinding: sql('DELETE FROM findings WHERE id = ? AND cleared IS NULL'),
    saveFinding: sql('INSERT OR REPLACE INTO findings VALUES (?, ?, ?, ?, ?, ?)'),
  };
}
