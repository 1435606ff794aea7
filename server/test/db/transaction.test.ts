import { DatabaseSync } from 'node:sqlite';
import { expect, test } from 'vitest';
import { inTransaction } from '../../src/db/transaction.ts';

test('what takes itself back says why it did', () => {
  const database = new DatabaseSync(':memory:');
  database.exec('CREATE TABLE kept (bytes BLOB)');
  const count = () => database.prepare('SELECT count(*) AS rows FROM kept').get()!.rows;
  database.exec('CREATE UNIQUE INDEX once ON kept (bytes)');
  // As SQLite does by itself where the disk is full.
  const twice = () =>
    inTransaction(database, () => {
      database.exec("INSERT INTO kept VALUES ('a')");
      database.exec("INSERT OR ROLLBACK INTO kept VALUES ('a')");
    });
  expect(twice).toThrow('UNIQUE constraint failed');
  expect(database.isTransaction).toBe(false);
  expect(count()).toBe(0);
  inTransaction(database, () => database.exec("INSERT INTO kept VALUES ('a')"));
  expect(count()).toBe(1);
  database.close();
});
