import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import type { Command, Update } from '../messages.ts';
import { kindNamed } from '../models/kinds.ts';
import type { Learner } from '../models/model.ts';
import type { Snapshot } from '../snapshot.ts';
import type { Outcome } from './outcome.ts';
import { OutcomeTable } from './outcome-table.ts';

interface Pupil {
  model: string;
  version: number;
  learner: Learner;
  /** Outcomes up to here are learned. */
  seq: number;
  /** Outcomes before this were there before the learner. */
  since: number;
  update: number;
  /** Steps that were not finite or too large, and so not taken. */
  refused: number;
  /** Newer than what the database and the lanes have. */
  unsaved: boolean;
  unsent: boolean;
}

/** Outcomes read at a time when catching up. */
const catchUpRows = 1000;

/**
 * *Learn*: feeds every first label of a live prediction to each learner of its model, in the order of the
 * outcomes, exactly once. The state in the database may lag; it is caught up from the outcomes after a death,
 * and so ends in the same update to the bit.
 */
export class Learning {
  readonly #blobs: string;
  readonly #every: number;
  readonly #outcomes: OutcomeTable;
  readonly #sql: ReturnType<typeof statements>;
  #pupils: Pupil[] = [];

  constructor(database: DatabaseSync, blobs: string, checkpointEvery: number) {
    this.#blobs = blobs;
    this.#every = checkpointEvery;
    this.#outcomes = new OutcomeTable(database);
    this.#sql = statements(database);
  }

  /** Whether a model has a learner: its outcomes then keep the features. */
  has(model: string): boolean {
    return this.#pupils.some((pupil) => pupil.model === model);
  }

  /** Attaches the snapshot's learners that are new; forgets those that are gone. */
  async take(snapshot: Snapshot): Promise<void> {
    const pupils: Pupil[] = [];
    for (const served of Object.values(snapshot.models)) {
      for (const version of Object.values(served.versions)) {
        const kind = kindNamed(version.kind);
        if (!kind.learns) continue;
        const known = this.#pupils.find(
          (one) => one.model === served.name && one.version === version.version,
        );
        if (known) {
          pupils.push(known);
          continue;
        }
        const program = await readFile(join(this.#blobs, version.program));
        const learner = (await kind.attach(program, version.signature)) as Learner;
        pupils.push(this.#begin(served.name, version.version, learner));
      }
    }
    this.#pupils = pupils;
  }

  /** Learns new outcomes, in order; returns the checkpoints that fall due. */
  learn(outcomes: Outcome[]): Command[] {
    const commands: Command[] = [];
    for (const outcome of outcomes) {
      for (const pupil of this.#pupils) {
        if (pupil.model !== outcome.model || outcome.seq <= pupil.seq) continue;
        pupil.seq = outcome.seq;
        if (outcome.role === 'live' && outcome.first) this.#step(pupil, outcome, commands);
      }
    }
    return commands;
  }

  /** Sets a learner back to a checkpoint's state; learning goes on from there. Returns the new update's number, or null. */
  restore(model: string, version: number, from: number, state: Uint8Array): number | null {
    const pupil = this.#pupils.find((one) => one.model === model && one.version === version);
    if (!pupil) return null;
    pupil.learner.restore(state);
    pupil.update++;
    pupil.unsent = true;
    this.#sql.keepUpdate.run(model, version, pupil.update, pupil.seq, from);
    this.#save(pupil);
    return pupil.update;
  }

  /** The updates that lanes do not have yet; each learner's newest with `all`. */
  updates(all = false): Update[] {
    const due = this.#pupils.filter((pupil) => pupil.unsent || all);
    for (const pupil of due) pupil.unsent = false;
    return due.map(({ model, version, update, learner }) => ({
      model,
      version,
      update,
      state: learner.state(),
    }));
  }

  get dirty(): boolean {
    return this.#pupils.some((pupil) => pupil.unsaved);
  }

  save(): void {
    for (const pupil of this.#pupils) if (pupil.unsaved) this.#save(pupil);
  }

  #begin(model: string, version: number, learner: Learner): Pupil {
    const newest = this.#outcomes.newest();
    const saved = this.#sql.load.get(model, version) as
      | { since: number; seq: number; upd: number; refused: number; state: Uint8Array }
      | undefined;
    const pupil: Pupil = {
      model,
      version,
      learner,
      seq: saved?.seq ?? newest,
      since: saved?.since ?? newest,
      update: saved?.upd ?? 0,
      refused: saved?.refused ?? 0,
      unsaved: false,
      unsent: false,
    };
    if (!saved) {
      this.#save(pupil);
      return pupil;
    }
    learner.restore(saved.state);
    for (;;) {
      const rows = this.#outcomes.toLearn(model, pupil.seq, newest, catchUpRows);
      if (rows.length === 0) break;
      for (const outcome of rows) {
        pupil.seq = outcome.seq;
        // Checkpoints that fell due before the death were asked for then, or are asked for at the next one.
        this.#step(pupil, outcome, []);
      }
    }
    pupil.seq = newest;
    pupil.unsent = true;
    return pupil;
  }

  #step(pupil: Pupil, outcome: Outcome, commands: Command[]): void {
    if (!outcome.features || !pupil.learner.learn(outcome.features, outcome.truth)) {
      pupil.refused++;
      pupil.unsaved = true;
      return;
    }
    pupil.update++;
    pupil.unsaved = true;
    pupil.unsent = true;
    if (pupil.update % this.#every !== 0) return;
    const { model, version, update } = pupil;
    this.#sql.keepUpdate.run(model, version, update, outcome.seq, null);
    commands.push({
      id: `checkpoint/${model}/${version}/${update}`,
      kind: 'checkpoint',
      model,
      version,
      update,
      state: pupil.learner.state(),
      at: outcome.labelAt,
      reason: `every ${this.#every} labels`,
    });
  }

  #save(pupil: Pupil): void {
    const { model, version, since, seq, update, refused, learner } = pupil;
    this.#sql.save.run(model, version, since, seq, update, refused, learner.state());
    pupil.unsaved = false;
  }
}

function statements(database: DatabaseSync) {
  return {
    load: database.prepare(
      'SELECT since, seq, upd, refused, state FROM learners WHERE model = ? AND version = ?',
    ),
    save: database.prepare('INSERT OR REPLACE INTO learners VALUES (?, ?, ?, ?, ?, ?, ?)'),
    keepUpdate: database.prepare('INSERT OR REPLACE INTO updates VALUES (?, ?, ?, ?, ?)'),
  };
}
