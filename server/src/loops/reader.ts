import { existsSync } from 'node:fs';
import type { DatabaseSync } from 'node:sqlite';
import type { AccuracyWindow, DriftView, FindingView, Score } from '../api.ts';
import { openDatabase } from '../db/open.ts';
import type { RequestId } from '../events.ts';
import type { Retained } from '../journal/retain.ts';
import { wilson } from '../stats/wilson.ts';
import type { RolloutFold } from './advancing.ts';
import { hourMs } from './outcome-table.ts';

/** Sums over outcomes, as SQL gives them. */
interface Sums {
  n: number;
  correct: number | null;
  classified: number;
  log_loss: number | null;
  absolute: number | null;
  squared: number | null;
}

const sums = `count(*) AS n, sum(correct) AS correct, count(correct) AS classified, avg(log_loss) AS log_loss,
  avg(abs(error)) AS absolute, avg(error * error) AS squared`;

/** The same from the sums that are kept by the hour. */
const hourSums = `coalesce(sum(n), 0) AS n, sum(correct) AS correct, coalesce(sum(classified), 0) AS classified,
  sum(log_loss) / sum(n) AS log_loss, sum(absolute) / sum(n) AS absolute, sum(squared) / sum(n) AS squared`;

/** Of a model, as it was saved; the first releases did not keep `first`. */
interface TrafficFold {
  first?: number;
  watermark: number | null;
  spark: number[];
}

/** Windows given when nobody says how many. */
const usualWindows = 40;
/** Findings given at once, so that years of them cost a reader no more. */
const mostFindings = 1000;
/** z of a two-sided 95 % interval. */
const z95 = 1.959963984540054;

/** Reads what the loops know, beside them: state.db is never written here, and may not be there yet. */
export class StateReader {
  readonly #file: string;
  #database: DatabaseSync | null = null;

  constructor(file: string) {
    this.#file = file;
  }

  close(): void {
    this.#database?.close();
    this.#database = null;
  }

  /**
   * Scores over windows of event time, of the labels that count: between `edges` (ms, ascending), to the
   * outcome; or from `from` to `to` (ms; all there is, up to the newest row) in at most so many windows of equal width: 2^k whole hours,
   * at whole multiples of it since the epoch, so that they stay where they are while newer ones come.
   */
  accuracy(
    model: string,
    options: { windows?: number; from?: number; to?: number; edges?: number[] },
  ): AccuracyWindow[] {
    if (options.edges) return this.#between(model, options.edges);
    const span = this.#span(model);
    if (!span) return [];
    const most = options.windows ?? usualWindows;
    const newest = Math.max(span.last, Math.floor((this.traffic(model).watermark ?? 0) / hourMs));
    const first = Math.max(span.first, Math.floor((options.from ?? 0) / hourMs));
    const last = Math.min(newest, Math.floor((options.to ?? newest * hourMs) / hourMs));
    let hours = 1;
    const slot = (hour: number) => Math.floor(hour / hours);
    while (slot(last) - slot(first) >= most) hours *= 2;
    // Numbers are bound as reals: without the cast every hour would be a slot of its own.
    const rows = this.#all<Sums & { whose: string; version: number; slot: number }>(
      `SELECT whose, max(version) AS version, CAST(hour - ?1 AS INTEGER) / CAST(?2 AS INTEGER) AS slot, ${hourSums}
       FROM scores WHERE model = ?3 AND hour >= ?1 AND hour < ?4 GROUP BY whose, slot HAVING sum(n) > 0 ORDER BY slot, whose`,
      slot(first) * hours,
      hours,
      model,
      (slot(last) + 1) * hours,
    );
    return rows.map((row) => {
      const from = (slot(first) + row.slot) * hours * hourMs;
      return {
        from,
        to: from + hours * hourMs,
        version: row.version,
        role: row.whose === 'served' ? ('served' as const) : ('version' as const),
        score: score(row),
      };
    });
  }

  /** Of what was served, or of all that a version answered, over the newest `share` of the labelled event time, in whole hours. */
  recent(model: string, share: number, whose: number | 'served'): Score {
    const span = this.#span(model);
    if (!span) return score(undefined);
    const [row] = this.#all<Sums>(
      `SELECT ${hourSums} FROM scores WHERE model = ? AND whose = ? AND hour > ?`,
      model,
      String(whose),
      span.last - Math.ceil((span.last - span.first + 1) * share),
    );
    return score(row);
  }

  #firstLabelled(model: string): number | null {
    const span = this.#span(model);
    return span && span.first * hourMs;
  }

  /** The first and the last hour with a label. */
  #span(model: string): { first: number; last: number } | null {
    const [span] = this.#all<{ first: number | null; last: number | null }>(
      "SELECT min(hour) AS first, max(hour) AS last FROM scores WHERE model = ? AND whose = 'served' AND n > 0",
      model,
    );
    if (!span || span.first === null || span.last === null) return null;
    return { first: span.first, last: span.last };
  }

  /** Over all outcomes of a version, or of what was served. */
  score(model: string, version: number | 'served'): Score {
    const [row] = this.#all<Sums>(
      `SELECT ${hourSums} FROM scores WHERE model = ? AND whose = ?`,
      model,
      String(version),
    );
    return score(row);
  }

  #between(model: string, edges: number[]): AccuracyWindow[] {
    const windows: AccuracyWindow[] = [];
    for (let i = 0; i + 1 < edges.length; i++) {
      const [from, to] = [edges[i]!, edges[i + 1]!];
      // What is not finite is no answer, and has no error (outcome.ts).
      const where =
        'FROM outcomes WHERE model = ? AND at >= ? AND at < ? AND superseded = 0 AND answer < 9e999';
      const rows = this.#all<Sums & { version: number }>(
        `SELECT version, ${sums} ${where} GROUP BY version ORDER BY version`,
        model,
        from,
        to,
      );
      for (const row of rows)
        windows.push({ from, to, version: row.version, role: 'version', score: score(row) });
      const [served] = this.#all<Sums & { version: number | null }>(
        `SELECT max(version) AS version, ${sums} ${where} AND role = 'live'`,
        model,
        from,
        to,
      );
      if (served && served.n > 0) {
        windows.push({ from, to, version: served.version ?? 0, role: 'served', score: score(served) });
      }
    }
    return windows;
  }

  drift(model: string, version: number): DriftView | null {
    return this.#view<DriftView>(`monitor/${model}/${version}/drift`);
  }

  /** What still holds first, newest first; with `cleared`, then what is over: at most `mostFindings` in all. */
  findings(model: string | undefined, cleared: boolean): FindingView[] {
    const rows = this.#all<{ finding: string }>(
      `SELECT finding FROM findings WHERE (? IS NULL OR model = ?) AND (cleared IS NULL OR ?)
       ORDER BY cleared IS NOT NULL, at DESC, id LIMIT ${mostFindings}`,
      model ?? null,
      model ?? null,
      cleared ? 1 : 0,
    );
    return rows.map(({ finding }) => JSON.parse(finding) as FindingView);
  }

  rollout(id: string, phase: 'compare' | 'guard'): RolloutFold | null {
    return this.#view<RolloutFold>(`rollout/${id}/${phase}`);
  }

  traffic(model: string): {
    predictions: number;
    labels: number;
    labelled: number;
    waiting: number;
    invalid: number;
    expired: number;
    first: number | null;
    watermark: number | null;
    spark: number[];
  } {
    const [counts] = this.#all<{ predictions: number; labels: number; invalid: number }>(
      'SELECT predictions, labels, invalid FROM counts WHERE model = ?',
      model,
    );
    // Labels by id name no model: they wait, and expire, for whichever it may be.
    const [expired] = this.#all<{ n: number }>(
      "SELECT coalesce(sum(expired), 0) AS n FROM counts WHERE model IN (?, '')",
      model,
    );
    const [waiting] = this.#all<{ n: number }>(
      'SELECT count(*) AS n FROM labels WHERE known = 0 AND (model = ? OR model IS NULL)',
      model,
    );
    const [labelled] = this.#all<{ n: number }>(
      "SELECT coalesce(sum(n), 0) AS n FROM scores WHERE model = ? AND whose = 'served'",
      model,
    );
    const view = this.#view<TrafficFold>(`traffic/${model}`);
    return {
      predictions: counts?.predictions ?? 0,
      labels: counts?.labels ?? 0,
      labelled: labelled?.n ?? 0,
      waiting: waiting?.n ?? 0,
      invalid: counts?.invalid ?? 0,
      expired: expired?.n ?? 0,
      first: view?.first ?? this.#firstLabelled(model),
      watermark: view?.watermark ?? null,
      spark: view?.spark ?? [],
    };
  }

  /** The label that counts for a row, and how many other values were given for it. */
  label(id: RequestId, row: number): { value: string | number; at: number; corrections: number } | null {
    const rows = this.#all<{ label: string; is_text: number; at: number }>(
      'SELECT label, is_text, at FROM labels WHERE prediction = ? AND row = ? AND known = 1 ORDER BY at DESC, label_id DESC',
      id,
      row,
    );
    const [newest] = rows;
    if (!newest) return null;
    return {
      value: newest.is_text ? newest.label : Number(newest.label),
      at: newest.at,
      corrections: new Set(rows.map(({ label }) => label)).size - 1,
    };
  }

  outcomes(
    id: RequestId,
    row: number,
  ): { version: number; update: number; role: string; correct: boolean | null; loss: number | null }[] {
    return this.#all<{
      version: number;
      upd: number;
      role: string;
      correct: number | null;
      log_loss: number | null;
      error: number | null;
    }>('SELECT * FROM outcomes WHERE id = ? AND row = ? AND superseded = 0', id, row).map((one) => ({
      version: one.version,
      update: one.upd,
      role: one.role,
      correct: one.correct === null ? null : one.correct === 1,
      loss: one.log_loss ?? (one.error === null ? null : Math.abs(one.error)),
    }));
  }

  /** Ids of the newest live predictions, newest first. */
  newest(model: string, limit: number): RequestId[] {
    return this.#ids('SELECT id FROM recent WHERE model = ? ORDER BY id DESC LIMIT ?', model, limit);
  }

  /** Live predictions with the caller's key or subject, newest event time first. */
  named(kind: 'key' | 'subject', model: string, name: string, limit: number): RequestId[] {
    return this.#ids(
      'SELECT id FROM names WHERE kind = ? AND model = ? AND name = ? ORDER BY at DESC, id DESC LIMIT ?',
      kind,
      model,
      name,
      limit,
    );
  }

  /** The learner's newest update: the saved one and what it has learned since. 0 before the first. */
  update(model: string, version: number): number {
    const [row] = this.#all<{ upd: number }>(
      `SELECT upd + (SELECT count(*) FROM outcomes WHERE outcomes.model = learners.model AND seq > learners.seq
         AND role = 'live' AND first = 1 AND features IS NOT NULL) AS upd
       FROM learners WHERE model = ? AND version = ?`,
      model,
      version,
    );
    return row?.upd ?? 0;
  }

  journal(): Retained | null {
    return this.#view<Retained>('journal');
  }

  /** Events folded so far, of all models. */
  events(): number {
    return (
      this.#all<{ n: number }>('SELECT coalesce(sum(predictions + labels), 0) AS n FROM counts')[0]?.n ?? 0
    );
  }

  #ids(text: string, ...given: (string | number)[]): RequestId[] {
    return this.#all<{ id: Uint8Array }>(text, ...given).map(({ id }) => id);
  }

  #view<T>(name: string): T | null {
    const [row] = this.#all<{ view: string | null }>('SELECT view FROM folds WHERE name = ?', name);
    return row?.view ? (JSON.parse(row.view) as T) : null;
  }

  #all<T>(text: string, ...given: (string | number | null | Uint8Array)[]): T[] {
    if (!this.#database) {
      if (!existsSync(this.#file)) return [];
      this.#database = openDatabase(this.#file, { readOnly: true });
    }
    try {
      return this.#database.prepare(text).all(...given) as T[];
    } catch (error) {
      // The loops have made the file, but not its tables yet.
      if (/no such table/.test((error as Error).message)) return [];
      throw error;
    }
  }
}

function score(row: Sums | undefined): Score {
  const n = row?.n ?? 0;
  if (!row || n === 0) {
    return { metric: 'accuracy', labelled: 0, value: null, low: null, high: null, logLoss: null, rmse: null };
  }
  if (row.classified > 0) {
    const right = row.correct ?? 0;
    return {
      metric: 'accuracy',
      labelled: n,
      value: right / n,
      ...wilson(right, n),
      // Probabilities are kept from 0 and 1, so only scores that are none lose exactly nothing.
      logLoss: row.log_loss || null,
      rmse: null,
    };
  }
  const mean = row.absolute ?? 0;
  // Normal approximation for the mean of the absolute errors.
  const half = z95 * Math.sqrt(Math.max(0, (row.squared ?? 0) - mean * mean) / n);
  return {
    metric: 'mae',
    labelled: n,
    value: mean,
    low: Math.max(0, mean - half),
    high: mean + half,
    logLoss: null,
    rmse: Math.sqrt(row.squared ?? 0),
  };
}
