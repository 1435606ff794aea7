import { DatabaseSync } from 'node:sqlite';
import { SlipwayError } from '../errors.ts';

/** Another process may hold the file for a moment, ms. */
const busyMs = 5000;

/**
 * Opens a SQLite file in write-ahead mode: one writer, any number of readers. `synchronous = NORMAL`: a
 * killed process loses nothing that was committed; loss of power may, and then the journal is folded again.
 */
export function openDatabase(file: string, options: { readOnly?: boolean } = {}): DatabaseSync {
  const database = new DatabaseSync(file, { readOnly: options.readOnly ?? false, timeout: busyMs });
  if (!options.readOnly) database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL');
  database.exec('PRAGMA foreign_keys = ON');
  return database;
}

/**
 * Brings a database to the newest of its schema's steps, each once, forward only.
 * Throws DATA_FOLDER_NEWER if a later release wrote it.
 */
export function migrate(database: DatabaseSync, file: string, steps: readonly string[]): void {
  const { user_version: done } = database.prepare('PRAGMA user_version').get() as { user_version: number };
  if (done > steps.length) {
    throw new SlipwayError(
      'DATA_FOLDER_NEWER',
      `${file} has schema ${done}; this Slipway knows ${steps.length}.`,
    );
  }
  for (let step = done; step < steps.length; step++) {
    database.exec(`BEGIN; ${steps[step]}; PRAGMA user_version = ${step + 1}; COMMIT`);
  }
}
