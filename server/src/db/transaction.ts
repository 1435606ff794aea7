import type { DatabaseSync } from 'node:sqlite';

/** All of what `change` writes, or nothing of it where it throws. */
export function inTransaction<T>(database: DatabaseSync, change: () => T): T {
  database.exec('BEGIN IMMEDIATE');
  try {
    const result = change();
    database.exec('COMMIT');
    return result;
  } catch (error) {
    // SQLite has taken it back by itself where the disk is full, and that is what is to be said.
    if (database.isTransaction) database.exec('ROLLBACK');
    throw error;
  }
}
