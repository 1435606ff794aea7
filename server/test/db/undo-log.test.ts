import { DatabaseSync } from 'node:sqlite';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { UndoLog } from '../../src/db/undo-log.ts';

const value = fc.oneof(
  fc.constant(null),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.integer(),
  fc.string().filter((text) => !text.includes('\0')),
);
const write = fc.record({
  what: fc.constantFrom('insert', 'replace', 'update', 'delete', 'other', 'line'),
  model: fc.constantFrom('a', "b'; DROP TABLE versions; --", 'ü'),
  version: fc.integer({ min: 1, max: 3 }),
  record: value,
});

function database() {
  const one = new DatabaseSync(':memory:');
  one.exec(`
    CREATE TABLE versions (model TEXT, version INTEGER, record, PRIMARY KEY (model, version)) WITHOUT ROWID;
    CREATE TABLE timeline (id INTEGER PRIMARY KEY, line);
    CREATE TABLE kept (name TEXT PRIMARY KEY, value)`);
  return one;
}

test('whatever was inserted, replaced, changed and deleted is as it was, and what is not to be undone stays', () => {
  fc.assert(
    fc.property(fc.array(write, { maxLength: 8 }), fc.array(write, { maxLength: 12 }), (before, change) => {
      const one = database();
      const log = new UndoLog(one, ['versions', 'timeline']);
      const apply = (writes: typeof change): void => {
        for (const { what, model, version, record } of writes) {
          const run = (sql: string, ...values: (typeof record)[]) => one.prepare(sql).run(...values);
          if (what === 'insert')
            run('INSERT OR IGNORE INTO versions VALUES (?, ?, ?)', model, version, record);
          else if (what === 'replace')
            run('INSERT OR REPLACE INTO versions VALUES (?, ?, ?)', model, version, record);
          else if (what === 'update') run('UPDATE versions SET record = ? WHERE model = ?', record, model);
          else if (what === 'delete') run('DELETE FROM versions WHERE version = ?', version);
          else if (what === 'line') run('INSERT INTO timeline (line) VALUES (?)', record);
          else run('INSERT OR REPLACE INTO kept VALUES (?, ?)', model, record);
        }
      };
      const rows = (table: string) => one.prepare(`SELECT * FROM ${table} ORDER BY 1, 2`).all();
      apply(before);
      const wanted = [rows('versions'), rows('timeline')];
      one.exec('BEGIN');
      const { undo } = log.record(() => apply(change));
      one.exec('COMMIT');
      const kept = rows('kept');
      // A line of another in between stays.
      one.prepare('INSERT INTO timeline VALUES (?, ?)').run(1000, 'of another');
      undo();
      one.exec('DELETE FROM timeline WHERE id = 1000');
      expect([rows('versions'), rows('timeline')]).toEqual(wanted);
      expect(rows('kept')).toEqual(kept);
      one.close();
    }),
    { numRuns: 300 },
  );
});
