import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { PredictionEvent } from '../server/src/events.ts';
import { Appender } from '../server/src/journal/appender.ts';
import { IdSource } from '../server/src/journal/id.ts';
import { Reader } from '../server/src/journal/reader.ts';

/**
 * Cost of appending one prediction of 30 features, one write (one transaction) an event-loop turn of 1, 8 and
 * 32 records, beside SQLite (node:sqlite, write-ahead log, prepared insert) in the same run; and how fast the
 * journal is read back.
 */
const records = Number(process.argv[2] ?? 200_000);
const features = Array.from({ length: 30 }, (_, i) => `feature ${i}`);
const values = Float64Array.from({ length: 30 }, (_, i) => Math.sin(i));
const answers = Float64Array.of(0.25);
const folder = mkdtempSync(join(tmpdir(), 'slipway-bench-journal-'));

try {
  console.log(`µs a record of 30 features, ${records} records, the better of two runs:`);
  for (const turn of [1, 8, 32]) {
    const [journal, sqlite] = [Math.min(append(turn), append(turn)), Math.min(insert(turn), insert(turn))];
    console.log(
      `  ${String(turn).padStart(2)} a turn: journal ${journal.toFixed(2)}   SQLite ${sqlite.toFixed(2)}   ${(sqlite / journal).toFixed(1)}× cheaper`,
    );
  }
  console.log(`reading back: ${(readBack() / 1000).toFixed(0)} thousand records a second`);
} finally {
  rmSync(folder, { recursive: true, force: true });
}

function event(id: Uint8Array): PredictionEvent {
  return {
    type: 'prediction',
    id,
    model: 'm',
    version: 1,
    update: 0,
    snapshot: 1,
    role: 'live',
    propensity: 1,
    rollout: null,
    subject: null,
    key: null,
    trace: null,
    at: 1e12,
    latency: 10,
    rows: 1,
    features,
    values,
    texts: [],
    failure: null,
    answerTexts: [],
    answers,
    imputed: 0,
  };
}

function append(turn: number): number {
  rmSync(join(folder, 'journal'), { recursive: true, force: true });
  const appender = new Appender({
    folder: join(folder, 'journal'),
    incarnation: 1,
    maxSegmentBytes: 64 * 2 ** 20,
    maxSegmentAgeMs: 1e12,
    syncPeriodMs: 1000,
    now: Date.now,
  });
  const ids = new IdSource(1, 0, Math.random);
  const started = performance.now();
  for (let i = 0; i < records; i++) {
    appender.prediction(event(ids.next(Date.now())));
    if (i % turn === turn - 1) appender.commit();
  }
  const microseconds = ((performance.now() - started) * 1000) / records;
  appender.close();
  return microseconds;
}

function insert(turn: number): number {
  const file = join(folder, 'peer.db');
  for (const end of ['', '-wal', '-shm']) rmSync(file + end, { force: true });
  const database = new DatabaseSync(file);
  database.exec(
    'PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; CREATE TABLE predictions (id BLOB PRIMARY KEY, model TEXT, version INTEGER, at REAL, features BLOB, answer REAL) WITHOUT ROWID',
  );
  const statement = database.prepare('INSERT INTO predictions VALUES (?, ?, ?, ?, ?, ?)');
  const bytes = new Uint8Array(values.buffer);
  const ids = new IdSource(1, 0, Math.random);
  const started = performance.now();
  for (let i = 0; i < records; i++) {
    if (i % turn === 0) database.exec('BEGIN');
    statement.run(ids.next(Date.now()), 'm', 1, 1e12, bytes, 0.25);
    if (i % turn === turn - 1) database.exec('COMMIT');
  }
  if (records % turn !== 0) database.exec('COMMIT');
  const microseconds = ((performance.now() - started) * 1000) / records;
  database.close();
  return microseconds;
}

/** Records a second, of what the last append left. */
function readBack(): number {
  const reader = new Reader(join(folder, 'journal'), {});
  const started = performance.now();
  let read = 0;
  for (;;) {
    const events = reader.read(4 << 20);
    if (events.length === 0) break;
    read += events.length;
  }
  reader.close();
  return read / ((performance.now() - started) / 1000);
}
