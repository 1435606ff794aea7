import type { DatabaseSync } from 'node:sqlite';
import type { LabelEvent, PredictionEvent, RequestId } from '../events.ts';
import { isScored, type Scored, type Signature } from '../signature.ts';
import { featuresOf, judge, type Outcome, truthOf } from './outcome.ts';
import { OutcomeTable } from './outcome-table.ts';
import type { Known, Predictions } from './predictions.ts';

/** What the join needs to know of a version; null for one that is not known (any more). */
export type SignatureOf = (model: string, version: number) => Signature | null;

/** LIMIT for no limit. */
const all = -1;

interface LabelRow {
  label_id: Uint8Array;
  label: string;
  is_text: number;
  at: number;
}

/**
 * *Watch*: joins labels to live predictions and writes outcomes. For each row the newest label (by its event
 * time, then its id) of those that belong to it counts. A label by key belongs to the latest prediction with
 * that key at or before the label's event time, whichever of the two is read first: so the outcomes are the
 * same for every interleaving of lanes.
 */
export class Join {
  readonly #predictions: Predictions;
  readonly #signatureOf: SignatureOf;
  readonly #keepFeatures: (model: string) => boolean;
  readonly #outcomes: OutcomeTable;
  readonly #sql: ReturnType<typeof statements>;
  /** Labels that wait, and for the hot path whether anything waits at all. */
  waiting: number;
  /** An outcome was taken back (its label turned out to belong elsewhere): what was added up must be added up again. */
  withdrawn = false;
  #fresh: Outcome[] = [];

  constructor(
    database: DatabaseSync,
    predictions: Predictions,
    signatureOf: SignatureOf,
    keepFeatures: (model: string) => boolean,
  ) {
    this.#predictions = predictions;
    this.#signatureOf = signatureOf;
    this.#keepFeatures = keepFeatures;
    this.#outcomes = new OutcomeTable(database);
    this.#sql = statements(database);
    this.waiting = (this.#sql.countWaiting.get() as { n: number }).n;
  }

  /** Outcomes since the last call, in the order of their seq. */
  take(): Outcome[] {
    const fresh = this.#fresh;
    this.#fresh = [];
    return fresh;
  }

  /** Returns what is to be counted of labels that waited for it: those whose model was not known, and invalid ones. */
  prediction(event: PredictionEvent): { labels: number; invalid: number } {
    const late = { labels: 0, invalid: 0 };
    if (event.role === 'shadow') {
      const known = this.#predictions.addShadow(event);
      if (!known) return late;
      // A label that was read first found the live record in the journal, and perhaps not yet its shadows.
      known.labelled ??= this.#sql.labelOf.get(event.id) !== undefined;
      if (known.labelled) for (let row = 0; row < event.rows; row++) this.#relabel(known, row);
      return late;
    }
    const known = this.#predictions.addLive(event);
    if (event.subject !== null)
      this.#sql.addName.run('subject', event.model, event.subject, event.at, event.id);
    if (event.key !== null) {
      this.#sql.addName.run('key', event.model, event.key, event.at, event.id);
      late.invalid += this.#claim(known, event.key);
    }
    if (this.waiting > 0) {
      const waited = this.#sql.waitingById.all(event.id) as unknown as (LabelRow & {
        row: number;
        model: string | null;
      })[];
      this.#sql.found.run(event.model, event.id);
      this.waiting -= waited.length;
      for (const label of waited) {
        if (label.model === null) late.labels++;
        if (this.#isInvalid(event, label.row, valueIn(label))) late.invalid++;
        if (label.row < event.rows) this.#relabel(known, label.row);
      }
    }
    return late;
  }

  /** Returns the model that the label counts for, or null while it waits. */
  label(event: LabelEvent): { model: string | null; invalid: boolean } {
    const id = event.prediction?.id ?? this.#byKey(event);
    const known = id === null ? null : this.#predictions.get(id);
    const row = event.prediction?.row ?? 0;
    const { changes } = this.#sql.addLabel.run(
      event.id,
      known?.live.model ?? event.model,
      id,
      row,
      event.key,
      String(event.label),
      typeof event.label === 'string' ? 1 : 0,
      event.at,
      known ? 1 : 0,
    );
    if (changes === 0) return { model: null, invalid: false };
    if (!known) {
      this.waiting++;
      return { model: event.model, invalid: false };
    }
    const invalid = this.#isInvalid(known.live, row, event.label);
    if (!invalid) this.#relabel(known, row);
    return { model: known.live.model, invalid };
  }

  /** Forgets labels that have waited since before this label's id; returns how many, by model: '' where none was named. */
  expire(beforeLabelId: RequestId): Map<string, number> {
    const expired = new Map<string, number>();
    for (const { model } of this.#sql.expire.all(beforeLabelId) as { model: string | null }[]) {
      this.waiting--;
      expired.set(model ?? '', (expired.get(model ?? '') ?? 0) + 1);
    }
    return expired;
  }

  #byKey(event: LabelEvent): RequestId | null {
    const found = this.#sql.latestByKey.get(event.model, event.key, event.at) as
      | { id: Uint8Array }
      | undefined;
    return found?.id ?? null;
  }

  #isInvalid(live: PredictionEvent, row: number, label: string | number): boolean {
    if (row >= live.rows) return true;
    const signature = this.#signatureOf(live.model, live.version);
    return signature !== null && isScored(signature) && truthOf(signature, label) === null;
  }

  /**
   * Labels by key that belong to this prediction rather than to an earlier one, or to none so far. Returns how many
   * of those that waited are invalid.
   */
  #claim(known: Known, key: string): number {
    let invalid = 0;
    const { live } = known;
    const next = this.#sql.nextByKey.get(live.model, key, live.at, live.at, live.id) as
      | { at: number }
      | undefined;
    const until = next?.at ?? Number.POSITIVE_INFINITY;
    const labels = this.#sql.labelsOfKey.all(live.model, key, live.at, until) as unknown as (LabelRow & {
      prediction: Uint8Array | null;
      known: number;
    })[];
    for (const label of labels) {
      if (label.known && label.prediction && !this.#isEarlier(live.model, key, label.prediction, live))
        continue;
      this.#sql.assign.run(live.id, label.label_id);
      if (!label.known) {
        this.waiting--;
        if (this.#isInvalid(live, 0, valueIn(label))) invalid++;
      }
      const before = label.known && label.prediction ? this.#predictions.get(label.prediction) : null;
      if (before) this.#relabel(before, 0);
    }
    if (labels.length > 0) this.#relabel(known, 0);
    return invalid;
  }

  #isEarlier(model: string, key: string, id: RequestId, than: PredictionEvent): boolean {
    const { at } = (this.#sql.nameTime.get(model, key, id) as { at: number } | undefined) ?? {
      at: -Infinity,
    };
    return at < than.at || (at === than.at && Buffer.compare(id, than.id) < 0);
  }

  /** Makes the outcomes of a row say what its newest label says; one that is no class (or value) says nothing. */
  #relabel(known: Known, row: number): void {
    const { live, shadows } = known;
    const newest = (most: number) => this.#sql.newestLabels.all(live.id, row, most) as unknown as LabelRow[];
    const labels = newest(1);
    known.labelled = true;
    const current = this.#outcomes.of(live.id, row);
    if (labels.length === 0) {
      for (const outcome of current) this.#withdraw(outcome.seq);
      return;
    }
    for (const answered of [live, ...shadows]) {
      const signature = this.#signatureOf(live.model, answered.version);
      if (!signature || !isScored(signature)) continue;
      const before = current.find((one) => one.version === answered.version);
      const said = newestTruth(signature, labels) ?? newestTruth(signature, newest(all));
      if (!said) {
        if (before) this.#withdraw(before.seq);
        continue;
      }
      const { truth, at } = said;
      if (before && before.truth === truth) continue;
      const outcome: Outcome = {
        ...judge(live, answered, row, signature, truth, at),
        seq: 0,
        features:
          answered.role === 'live' && this.#keepFeatures(live.model)
            ? featuresOf(live, row, signature)
            : null,
        first: before === undefined,
        replaces: before?.seq ?? null,
      };
      this.#outcomes.add(outcome);
      this.#fresh.push(outcome);
    }
  }

  #withdraw(seq: number): void {
    this.#outcomes.withdraw(seq);
    this.withdrawn = true;
  }
}

/** The truth that the newest of the labels with one says, and its time; `labels`: newest first. */
function newestTruth(signature: Scored, labels: LabelRow[]): { truth: number; at: number } | null {
  for (const label of labels) {
    const truth = truthOf(signature, valueIn(label));
    if (truth !== null) return { truth, at: label.at };
  }
  return null;
}

function valueIn({ label, is_text }: LabelRow): string | number {
  return is_text ? label : Number(label);
}

function statements(database: DatabaseSync) {
  const sql = (text: string) => database.prepare(text);
  return {
    addName: sql('INSERT OR IGNORE INTO names VALUES (?, ?, ?, ?, ?)'),
    nameTime: sql("SELECT at FROM names WHERE kind = 'key' AND model = ? AND name = ? AND id = ?"),
    latestByKey: sql(
      "SELECT id FROM names WHERE kind = 'key' AND model = ? AND name = ? AND at <= ? ORDER BY at DESC, id DESC LIMIT 1",
    ),
    nextByKey: sql(
      "SELECT at FROM names WHERE kind = 'key' AND model = ? AND name = ? AND (at > ? OR (at = ? AND id > ?)) ORDER BY at, id LIMIT 1",
    ),
    labelsOfKey: sql(
      'SELECT label_id, prediction, known, label, is_text, at FROM labels WHERE model = ? AND key = ? AND at >= ? AND at < ?',
    ),
    assign: sql('UPDATE labels SET prediction = ?, known = 1 WHERE label_id = ?'),
    addLabel: sql(
      'INSERT OR IGNORE INTO labels (label_id, model, prediction, row, key, label, is_text, at, known) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)',
    ),
    newestLabels: sql(
      'SELECT label_id, label, is_text, at FROM labels WHERE prediction = ? AND row = ? AND known = 1 ORDER BY at DESC, label_id DESC LIMIT ?',
    ),
    labelOf: sql('SELECT 1 FROM labels WHERE prediction = ? AND known = 1 LIMIT 1'),
    waitingById: sql(
      'SELECT label_id, model, row, label, is_text, at FROM labels WHERE prediction = ? AND known = 0',
    ),
    found: sql('UPDATE labels SET known = 1, model = ? WHERE prediction = ? AND known = 0'),
    countWaiting: sql('SELECT count(*) AS n FROM labels WHERE known = 0'),
    expire: sql('DELETE FROM labels WHERE known = 0 AND label_id < ? RETURNING model'),
  };
}
