import { existsSync } from 'node:fs';
import { openDatabase } from '../db/open.ts';
import type { Learner } from '../models/model.ts';
import { OutcomeTable } from './outcome-table.ts';

const rowsAtATime = 1000;

/** Makes any past update of a learner again: the nearest kept state at or before it, and the outcomes since, in order. */
export class UpdateHistory {
  readonly #file: string;

  constructor(stateFile: string) {
    this.#file = stateFile;
  }

  /**
   * Brings `learner` (in its initial state) to an update. `load` gives a kept checkpoint's state, or null.
   * Returns false if the way there is not known any more.
   */
  async stateOf(
    model: string,
    version: number,
    update: number,
    learner: Learner,
    load: (update: number) => Promise<Uint8Array | null>,
  ): Promise<boolean> {
    if (!existsSync(this.#file)) return false;
    const database = openDatabase(this.#file, { readOnly: true });
    try {
      const kept = database
        .prepare(
          'SELECT upd, seq, restored_from FROM updates WHERE model = ? AND version = ? AND upd <= ? ORDER BY upd DESC',
        )
        .all(model, version, update) as { upd: number; seq: number; restored_from: number | null }[];
      const begun = database
        .prepare('SELECT since FROM learners WHERE model = ? AND version = ?')
        .get(model, version) as { since: number } | undefined;
      if (!begun) return false;
      let at = 0;
      let seq = begun.since;
      for (const one of kept) {
        const state = await load(one.restored_from ?? one.upd);
        if (state) {
          learner.restore(state);
          at = one.upd;
          seq = one.seq;
          break;
        }
        // Without the restored state, what was learned before it leads nowhere.
        if (one.restored_from !== null) return false;
      }
      const outcomes = new OutcomeTable(database);
      while (at < update) {
        const rows = outcomes.toLearn(model, seq, Number.MAX_SAFE_INTEGER, rowsAtATime);
        if (rows.length === 0) return false;
        for (const row of rows) {
          seq = row.seq;
          if (row.features && learner.learn(row.features, row.truth)) at++;
          if (at === update) break;
        }
      }
      return true;
    } finally {
      database.close();
    }
  }
}
