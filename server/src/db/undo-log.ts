import type { DatabaseSync } from 'node:sqlite';

/**
 * What a transaction writes to some tables can be taken back after it was committed: triggers keep, for each row, the
 * statements that undo it, as SQLite's documentation does it (https://www.sqlite.org/undoredo.html). They are of this
 * connection only.
 */
export class UndoLog {
  readonly #database: DatabaseSync;

  constructor(database: DatabaseSync, tables: readonly string[]) {
    this.#database = database;
    // Else a row that is replaced would go unseen.
    database.exec(`PRAGMA recursive_triggers = ON;
      CREATE TEMP TABLE undo_log (id INTEGER PRIMARY KEY, undo TEXT NOT NULL);
      CREATE TEMP TABLE undo_state (is_on INTEGER NOT NULL);
      INSERT INTO undo_state VALUES (0)`);
    for (const table of tables) database.exec(triggersOf(database, table));
  }

  /** Within a transaction; returns what takes back all that `change` wrote. */
  record<T>(change: () => T): { result: T; undo: () => void } {
    this.#database.exec('DELETE FROM temp.undo_log; UPDATE temp.undo_state SET is_on = 1');
    try {
      const result = change();
      const all = this.#database.prepare('SELECT undo FROM temp.undo_log ORDER BY id DESC').all();
      const statements = (all as { undo: string }[]).map(({ undo }) => undo).join(';\n');
      return { result, undo: () => this.#database.exec(statements) };
    } finally {
      this.#database.exec('UPDATE temp.undo_state SET is_on = 0');
    }
  }
}

function triggersOf(database: DatabaseSync, table: string): string {
  const columns = database.prepare(`PRAGMA table_info(${table})`).all() as { name: string; pk: number }[];
  const keys = columns.filter(({ pk }) => pk > 0).map(({ name }) => name);
  const quoted = (row: 'old' | 'new', name: string): string => `quote(${row}."${name}")`;
  const remove = `'DELETE FROM "${table}" WHERE ' || ${keys
    .map((key) => `'"${key}" = ' || ${quoted('new', key)}`)
    .join(" || ' AND ' || ")}`;
  const restore = `'INSERT INTO "${table}" (${columns.map(({ name }) => `"${name}"`)}) VALUES (' || ${columns
    .map(({ name }) => quoted('old', name))
    .join(" || ', ' || ")} || ')'`;
  const on = (event: 'INSERT' | 'UPDATE' | 'DELETE', ...undone: string[]): string => `
    CREATE TEMP TRIGGER undo_${table}_${event} AFTER ${event} ON main."${table}"
    WHEN (SELECT is_on FROM temp.undo_state) BEGIN
      ${undone.map((undo) => `INSERT INTO undo_log (undo) VALUES (${undo});`).join('\n')}
    END;`;
  return [on('INSERT', remove), on('UPDATE', restore, remove), on('DELETE', restore)].join('');
}
