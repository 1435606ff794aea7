import type { DatabaseSync } from 'node:sqlite';
import { deserialize, serialize } from 'node:v8';
import { migrate, openDatabase } from '../db/open.ts';
import { stateSchema } from '../db/state-schema.ts';
import { inTransaction } from '../db/transaction.ts';
import type { Cursor, PredictionEvent } from '../events.ts';
import type { Finding } from '../finding.ts';
import type { Command } from '../messages.ts';
import type { FoldStore } from './watching.ts';

/** Predictions listed as recent, a model. */
const recentRows = 200;
const noState = new Uint8Array(0);

/** state.db as the loops write it: cursors, counts, findings, commands, and what folds save. */
export class State implements FoldStore {
  readonly database: DatabaseSync;
  readonly #sql: ReturnType<typeof statements>;
  readonly #predictions = new Map<string, number>();

  constructor(file: string) {
    this.database = openDatabase(file);
    migrate(this.database, file, stateSchema);
    this.#sql = statements(this.database);
    for (const { model, predictions } of this.#sql.counts.all() as { model: string; predictions: number }[]) {
      this.#predictions.set(model, predictions);
    }
  }

  close(): void {
    this.database.close();
  }

  /** All or nothing. What is in memory cannot be taken back: a failure ends the process, and the next one goes on from the database. */
  transaction<T>(change: () => T): T {
    return inTransaction(this.database, change);
  }

  cursor(name: string): Cursor {
    const row = this.#sql.loadCursor.get(name) as { at: string } | undefined;
    return row ? (JSON.parse(row.at) as Cursor) : {};
  }

  saveCursor(name: string, cursor: Cursor): void {
    this.#sql.saveCursor.run(name, JSON.stringify(cursor));
  }

  load(fold: string): Uint8Array | null {
    return (this.#sql.loadFold.get(fold) as { state: Uint8Array } | undefined)?.state ?? null;
  }

  save(fold: string, state: Uint8Array, view: unknown): void {
    this.#sql.saveFold.run(fold, state, JSON.stringify(view));
  }

  /** What readers see of a fold that saves nothing else. */
  view(fold: string): unknown {
    const row = this.#sql.loadView.get(fold) as { view: string } | undefined;
    return row ? JSON.parse(row.view) : null;
  }

  saveView(fold: string, view: unknown): void {
    this.save(fold, noState, view);
  }

  /** Live predictions of a model so far. */
  predictions(model: string): number {
    return this.#predictions.get(model) ?? 0;
  }

  /** Live predictions of one model, in order. */
  countPredictions(model: string, events: PredictionEvent[]): void {
    const rows = events.reduce((sum, one) => sum + one.rows, 0);
    this.#sql.countPredictions.run(model, rows);
    const before = this.predictions(model);
    this.#predictions.set(model, before + rows);
    for (const one of events.slice(-recentRows)) this.#sql.addRecent.run(model, one.id, one.rows);
    if (Math.floor(before / recentRows) < Math.floor((before + rows) / recentRows))
      this.#sql.trimRecent.run(model, model, recentRows);
  }

  countLabels(model: string, labels: number, invalid: number): void {
    this.#sql.countLabels.run(model, labels, invalid);
  }

  countExpired(model: string, labels: number): void {
    this.#sql.countExpired.run(model, labels);
  }

  saveFinding(finding: Finding): void {
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
  }

  /** In the transaction of what it came of: it reaches control whatever dies, and is carried out once by its id. */
  keepCommand(command: Command): void {
    this.#sql.keepCommand.run(command.id, serialize(command));
  }

  dropCommand(id: string): void {
    this.#sql.dropCommand.run(id);
  }

  /** Those that control has not carried out yet. */
  commands(): Command[] {
    const rows = this.#sql.commands.all() as { command: Uint8Array }[];
    return rows.map(({ command }) => deserialize(command) as Command);
  }
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
    countExpired: sql(
      'INSERT INTO counts (model, expired) VALUES (?, ?) ON CONFLICT (model) DO UPDATE SET expired = expired + excluded.expired',
    ),
    addRecent: sql('INSERT OR IGNORE INTO recent VALUES (?, ?, ?)'),
    trimRecent: sql(
      'DELETE FROM recent WHERE model = ? AND id < (SELECT id FROM recent WHERE model = ? ORDER BY id DESC LIMIT 1 OFFSET ?)',
    ),
    loadFold: sql('SELECT state FROM folds WHERE name = ?'),
    loadView: sql('SELECT view FROM folds WHERE name = ?'),
    saveFold: sql('INSERT OR REPLACE INTO folds VALUES (?, ?, ?)'),
    dropOpenFinding: sql('DELETE FROM findings WHERE id = ? AND cleared IS NULL'),
    saveFinding: sql('INSERT OR REPLACE INTO findings VALUES (?, ?, ?, ?, ?, ?)'),
    commands: sql('SELECT command FROM commands'),
    keepCommand: sql('INSERT OR REPLACE INTO commands VALUES (?, ?)'),
    dropCommand: sql('DELETE FROM commands WHERE id = ?'),
  };
}
