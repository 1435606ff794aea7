import type { Cursor } from '../events.ts';

/**
 * How far lanes may be told that all is folded, round by round. A label by id finds its prediction in the journal itself;
 * one by key is for the newest that has it, which another lane may have answered and not rung for yet. So it is done
 * with when a later round has read all that every lane had written by then. Pure.
 */
export class Told {
  /** Folded, with labels by key that are not done with yet. */
  #pending: Cursor | null = null;

  /**
   * A round has folded all up to `joined`. `byKey`: labels by key were among it; `everywhere`: when it began, there was
   * nothing that it has not read. Returns how far lanes may be told; null: no further than before, and another round has
   * to look everywhere first.
   */
  after(joined: Cursor, byKey: boolean, everywhere: boolean): Cursor | null {
    const pending = this.#pending;
    if (!byKey && (everywhere || !pending)) {
      this.#pending = null;
      return joined;
    }
    if (pending && !everywhere) return null;
    this.#pending = byKey ? { ...joined } : null;
    return pending;
  }

  /** Whether another round has to look everywhere. */
  get isPending(): boolean {
    return this.#pending !== null;
  }
}
