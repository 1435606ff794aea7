import { SlipwayError } from '../errors.ts';
import { News } from '../link/news.ts';
import type { ScorerOrder, ScorerState, VersionName } from '../messages.ts';
import { refusalOf } from '../models/kinds.ts';
import { lossText } from '../process-loss.ts';
import type { ServedModel, ServedVersion, Snapshot } from '../snapshot.ts';

/** For a version to be loaded and warm, ms. */
const patienceMs = 60_000;
/** A version whose process ended so often before it was ready does not come up. */
const triesAllowed = 3;

/** Versions that shall have a scorer, and those of them that are waited for. */
export type OrderScorers = (orders: ScorerOrder[], awaited: VersionName[]) => void;

/** Which versions have a scorer, as the supervisor is told and tells. */
export class Scorers {
  readonly #order: OrderScorers;
  readonly #news = new News();
  #states = new Map<string, ScorerState>();
  /** Of a change that waits: those that have not been up since it began to. */
  #awaited = new Set<string>();

  constructor(order: OrderScorers) {
    this.#order = order;
  }

  /** Those of the snapshot that are run here, and no others. */
  keep(snapshot: Snapshot): void {
    this.#order(ordersOf(snapshot).filter(isRunHere), []);
  }

  /**
   * Starts what the next snapshot needs beside what the present one has, and wakes what becomes live; resolves when all
   * that answers has been warm since. They need not be up at the same time: there may be room for one. Throws GATE_FAILED
   * for a version that does not come up, or why it is not run here.
   */
  async prepare(present: Snapshot | null, next: Snapshot): Promise<void> {
    const before = new Map((present ? ordersOf(present) : []).map((order) => [nameOf(order), order]));
    const after = new Map(ordersOf(next).map((order) => [nameOf(order), order]));
    const fresh = [...after.values()].filter((order) => !before.has(nameOf(order)));
    const risen = [...after.values()].filter(
      (order) => order.role === 'live' && (before.get(nameOf(order))?.role ?? 'live') !== 'live',
    );
    if (fresh.length + risen.length === 0) return;
    for (const { served } of [...fresh, ...risen]) {
      const refusal = refusalOf(served.kind);
      if (refusal) throw refusal;
    }
    const needed = [...fresh.filter(({ role }) => role !== 'spare'), ...risen];
    // What is known of those that are new is of another time.
    for (const order of fresh) this.#states.delete(nameOf(order));
    this.#awaited = new Set(needed.map(nameOf).filter((name) => !this.#states.get(name)?.ready));
    const all = [...new Map([...before, ...after]).values()];
    this.#order(
      all.filter(isRunHere),
      needed.map(({ model, served: { version } }) => ({ model, version })),
    );
    const end = performance.now() + patienceMs;
    for (;;) {
      const waiting = needed.filter((order) => this.#awaited.has(nameOf(order)));
      const [first] = waiting;
      if (!first) return;
      for (const order of waiting) {
        const { failed = 0, loss = null } = this.#states.get(nameOf(order)) ?? {};
        if (failed < triesAllowed) continue;
        const how = loss ? ` (the last time it ${lossText(loss)})` : '';
        throw notUp(order, `ended ${failed} times before it was ready${how}`, loss?.why === 'memory');
      }
      if (performance.now() > end) throw notUp(first, `was not ready after ${patienceMs / 1000} s`, false);
      await this.#news.next(end);
    }
  }

  heard(states: ScorerState[]): void {
    this.#states = new Map(states.map((state) => [keyOf(state.model, state.version), state]));
    for (const [name, { ready }] of this.#states) if (ready) this.#awaited.delete(name);
    this.#news.tell();
  }
}

/** Versions of a snapshot that run in scorers: what answers first, then its shadows, then what should be ready to. */
function ordersOf({ models }: Snapshot): ScorerOrder[] {
  const orders = Object.values(models)
    .filter(({ unloaded }) => !unloaded)
    .flatMap((model) =>
      Object.values(model.versions)
        .filter(({ placement }) => placement === 'scorer')
        .map((served) => ({ model: model.name, served, role: roleOf(model, served) })),
    );
  return roles.flatMap((role) => orders.filter((order) => order.role === role));
}

const roles = ['live', 'shadow', 'spare'] as const;

function roleOf({ live, shadows }: ServedModel, { version }: ServedVersion): ScorerOrder['role'] {
  if (version === live) return 'live';
  return shadows.includes(version) ? 'shadow' : 'spare';
}

function isRunHere({ served }: ScorerOrder): boolean {
  return !refusalOf(served.kind);
}

function nameOf({ model, served }: ScorerOrder): string {
  return keyOf(model, served.version);
}

function keyOf(model: string, version: number): string {
  return `${model}/${version}`;
}

function notUp({ model, served }: ScorerOrder, why: string, needsMemory: boolean): SlipwayError {
  return new SlipwayError(
    'GATE_FAILED',
    `The process of version ${served.version} of "${model}" ${why}.`,
    needsMemory
      ? 'Give such processes more memory: `slipway serve --scorer-memory`. Nothing was changed.'
      : 'See the log. Nothing was changed.',
  );
}
