import { SlipwayError } from '../errors.ts';
import { News } from '../link/news.ts';
import type { ScorerOrder, ScorerState } from '../messages.ts';
import { refusalOf } from '../models/kinds.ts';
import type { Snapshot } from '../snapshot.ts';

/** For a version to be loaded and warm, ms. */
const patienceMs = 60_000;
/** A version whose process ended so often before it was ready does not come up. */
const triesAllowed = 3;

/** Which versions have a scorer, as the supervisor is told and tells. */
export class Scorers {
  readonly #order: (orders: ScorerOrder[]) => void;
  readonly #news = new News();
  #states = new Map<string, ScorerState>();

  constructor(order: (orders: ScorerOrder[]) => void) {
    this.#order = order;
  }

  /** Those of the snapshot that are run here, and no others. */
  keep(snapshot: Snapshot): void {
    this.#order(ordersOf(snapshot).filter(({ served }) => !refusalOf(served.kind)));
  }

  /**
   * Starts what the next snapshot needs beside what the present one has; resolves when all that is new is warm. Throws
   * GATE_FAILED for a version that does not come up, or why it is not run here.
   */
  async prepare(present: Snapshot | null, next: Snapshot): Promise<void> {
    const before = present ? ordersOf(present) : [];
    const after = ordersOf(next);
    const known = new Set(before.map(nameOf));
    const fresh = after.filter((order) => !known.has(nameOf(order)));
    if (fresh.length === 0) return;
    for (const { served } of fresh) {
      const refusal = refusalOf(served.kind);
      if (refusal) throw refusal;
    }
    // What is known of them is of another time.
    for (const order of fresh) this.#states.delete(nameOf(order));
    this.#order([...before, ...fresh].filter(({ served }) => !refusalOf(served.kind)));
    const end = performance.now() + patienceMs;
    for (;;) {
      const waiting = fresh.filter((order) => !this.#states.get(nameOf(order))?.ready);
      const [first] = waiting;
      if (!first) return;
      for (const order of waiting) {
        const failed = this.#states.get(nameOf(order))?.failed ?? 0;
        if (failed >= triesAllowed) throw notUp(order, `ended ${failed} times before it was ready`);
      }
      if (performance.now() > end) throw notUp(first, `was not ready after ${patienceMs / 1000} s`);
      await this.#news.next(end);
    }
  }

  heard(states: ScorerState[]): void {
    this.#states = new Map(states.map((state) => [keyOf(state.model, state.version), state]));
    this.#news.tell();
  }
}

/** Versions of a snapshot that run in scorers. */
function ordersOf({ models }: Snapshot): ScorerOrder[] {
  return Object.values(models)
    .filter(({ unloaded }) => !unloaded)
    .flatMap(({ name, versions }) =>
      Object.values(versions)
        .filter(({ placement }) => placement === 'scorer')
        .map((served) => ({ model: name, served })),
    );
}

function nameOf({ model, served }: ScorerOrder): string {
  return keyOf(model, served.version);
}

function keyOf(model: string, version: number): string {
  return `${model}/${version}`;
}

function notUp({ model, served }: ScorerOrder, why: string): SlipwayError {
  return new SlipwayError(
    'GATE_FAILED',
    `The process of version ${served.version} of "${model}" ${why}.`,
    'See the log. Nothing was changed.',
  );
}
