import type { DatabaseSync, StatementSync } from 'node:sqlite';
import type { RequestId } from '../events.ts';
import { noAnswer, type Outcome } from './outcome.ts';

interface OutcomeRow {
  seq: number;
  model: string;
  id: Uint8Array;
  row: number;
  version: number;
  role: string;
  live_version: number;
  rollout: string | null;
  upd: number;
  at: number;
  label_at: number;
  truth: number;
  answer: number;
  correct: number | null;
  log_loss: number | null;
  error: number | null;
  features: Uint8Array | null;
  first: number;
  replaces: number | null;
}

/** Scores are kept by the hour of event time. */
export const hourMs = 3_600_000;

/** A squared error that is taken from a sum leaves nine digits of at least this share of it. */
const leastShare = 1e7;

/** The outcomes in state.db. A correction is a new row that supersedes the old one. */
export class OutcomeTable {
  readonly #insert: StatementSync;
  readonly #supersede: StatementSync;
  readonly #of: StatementSync;
  readonly #after: StatementSync;
  readonly #pairs: StatementSync;
  readonly #newest: StatementSync;
  readonly #answer: StatementSync;
  readonly #bySeq: StatementSync;
  readonly #labelled: StatementSync;
  readonly #score: StatementSync;
  readonly #addUpAgain: StatementSync;

  constructor(database: DatabaseSync) {
    this.#insert = database.prepare(
      `INSERT INTO outcomes (model, id, row, version, role, live_version, rollout, upd, at, label_at,
         truth, answer, correct, log_loss, error, features, first, replaces)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    );
    this.#supersede = database.prepare('UPDATE outcomes SET superseded = 1 WHERE seq = ?');
    this.#of = database.prepare(
      'SELECT seq, version, truth FROM outcomes WHERE id = ? AND row = ? AND superseded = 0',
    );
    this.#after = database.prepare(
      `SELECT * FROM outcomes WHERE model = ? AND seq > ? AND seq <= ? AND role = 'live' AND first = 1 ORDER BY seq LIMIT ?`,
    );
    this.#pairs = database.prepare(
      `SELECT a.at, a.truth, a.answer AS live, b.answer AS candidate
       FROM outcomes a JOIN outcomes b ON b.id = a.id AND b.row = a.row AND b.version = ?
       WHERE a.model = ? AND a.rollout = ? AND a.role = 'live' AND a.version = ? AND a.superseded = 0 AND b.superseded = 0`,
    );
    this.#labelled = database.prepare(
      `SELECT count(*) AS n FROM outcomes WHERE model = ? AND rollout = ? AND role = 'live' AND version = ? AND superseded = 0`,
    );
    this.#bySeq = database.prepare('SELECT * FROM outcomes WHERE seq = ?');
    this.#score = database.prepare(
      `INSERT INTO scores VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)
       ON CONFLICT (model, whose, hour) DO UPDATE SET n = n + ?4, correct = correct + ?5, classified = classified + ?6,
         log_loss = log_loss + ?7, absolute = absolute + ?8, squared = squared + ?9, version = max(version, ?10)`,
    );
    this.#addUpAgain = database.prepare(
      `UPDATE scores SET (absolute, squared) =
         (SELECT coalesce(sum(abs(error)), 0), coalesce(sum(error * error), 0) FROM outcomes
          WHERE model = ?1 AND at >= ?3 * ?5 AND at < (?3 + 1) * ?5 AND superseded = 0
            AND CASE ?2 WHEN 'served' THEN role = 'live' ELSE version = CAST(?2 AS INTEGER) END)
       WHERE model = ?1 AND whose = ?2 AND hour = ?3 AND squared < ?4`,
    );
    this.#answer = database.prepare(
      'SELECT answer FROM outcomes WHERE id = ? AND row = ? AND version = ? AND superseded = 0',
    );
    this.#newest = database.prepare('SELECT coalesce(max(seq), 0) AS seq FROM outcomes');
  }

  /** Sets the outcome's seq. */
  add(outcome: Outcome): void {
    const { lastInsertRowid } = this.#insert.run(
      outcome.model,
      outcome.id,
      outcome.row,
      outcome.version,
      outcome.role,
      outcome.liveVersion,
      outcome.rollout,
      outcome.update,
      outcome.at,
      outcome.labelAt,
      outcome.truth,
      outcome.answer,
      outcome.correct === null ? null : Number(outcome.correct),
      outcome.logLoss,
      outcome.error,
      outcome.features && new Uint8Array(outcome.features.buffer),
      Number(outcome.first),
      outcome.replaces,
    );
    outcome.seq = Number(lastInsertRowid);
    this.#addUp(outcome, 1);
    if (outcome.replaces !== null) this.withdraw(outcome.replaces);
  }

  /** It does not count any more. */
  withdraw(seq: number): void {
    this.#supersede.run(seq);
    const outcome = fromRow(this.#bySeq.get(seq) as unknown as OutcomeRow);
    this.#addUp(outcome, -1);
    if (outcome.error !== null) this.#mend(outcome, outcome.error);
  }

  /** Sums that held an error much larger than the rest have lost digits of the rest: those hours are added up again. */
  #mend({ model, version, role, at }: Outcome, error: number): void {
    const hour = Math.floor(at / hourMs);
    const lossy = error ** 2 / leastShare;
    this.#addUpAgain.run(model, String(version), hour, lossy, hourMs);
    if (role === 'live') this.#addUpAgain.run(model, 'served', hour, lossy, hourMs);
  }

  /** Keeps the sums that readers see, so that they need not go through all outcomes. No answer has no error. */
  #addUp(outcome: Outcome, times: 1 | -1): void {
    if (outcome.answer === noAnswer) return;
    const { model, version, correct, logLoss, error } = outcome;
    const sums = [
      Math.floor(outcome.at / hourMs),
      times,
      correct ? times : 0,
      correct === null ? 0 : times,
      times * (logLoss ?? 0),
      times * Math.abs(error ?? 0),
      times * (error ?? 0) ** 2,
      version,
    ] as const;
    this.#score.run(model, String(version), ...sums);
    if (outcome.role === 'live') this.#score.run(model, 'served', ...sums);
  }

  /** Those that count now for a row. */
  of(id: RequestId, row: number): { seq: number; version: number; truth: number }[] {
    return this.#of.all(id, row) as { seq: number; version: number; truth: number }[];
  }

  /** The outcome's answer of a version to a labelled row; null if there is none. */
  answerOf(id: RequestId, row: number, version: number): number | null {
    return (this.#answer.get(id, row, version) as { answer: number } | undefined)?.answer ?? null;
  }

  /** The label that an outcome of this seq was made by, whether or not it still counts. */
  truthOf(seq: number): number {
    return fromRow(this.#bySeq.get(seq) as unknown as OutcomeRow).truth;
  }

  newest(): number {
    return (this.#newest.get() as { seq: number }).seq;
  }

  /** What learners learn: first labels of live predictions, in order, after one seq and up to another. */
  toLearn(model: string, after: number, upTo: number, limit: number): Outcome[] {
    return (this.#after.all(model, after, upTo, limit) as unknown as OutcomeRow[]).map(fromRow);
  }

  /** Labelled rows that `live` answered in the rollout, whether the candidate was asked or not. */
  labelled(model: string, rollout: string, live: number): number {
    return (this.#labelled.get(model, rollout, live) as { n: number }).n;
  }

  /** Rows that both versions were asked while `live` was live in the rollout. */
  pairs(
    model: string,
    rollout: string,
    live: number,
    candidate: number,
  ): { at: number; truth: number; live: number; candidate: number }[] {
    return this.#pairs.all(candidate, model, rollout, live) as ReturnType<OutcomeTable['pairs']>;
  }
}

function fromRow(row: OutcomeRow): Outcome {
  return {
    seq: row.seq,
    model: row.model,
    id: row.id,
    row: row.row,
    version: row.version,
    role: row.role as Outcome['role'],
    liveVersion: row.live_version,
    rollout: row.rollout,
    update: row.upd,
    at: row.at,
    labelAt: row.label_at,
    truth: row.truth,
    answer: row.answer,
    correct: row.correct === null ? null : row.correct === 1,
    logLoss: row.log_loss,
    error: row.error,
    features: row.features && new Float64Array(row.features.slice().buffer),
    first: row.first === 1,
    replaces: row.replaces,
  };
}
