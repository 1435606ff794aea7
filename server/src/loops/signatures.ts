import type { DatabaseSync } from 'node:sqlite';
import type { Signature } from '../signature.ts';
import type { Snapshot } from '../snapshot.ts';

/** Signatures of all versions that were ever served. Versions are immutable, so what is known stays true. */
export class Signatures {
  readonly #known = new Map<string, Signature | null>();
  readonly #load: ReturnType<DatabaseSync['prepare']>;
  readonly #keep: ReturnType<DatabaseSync['prepare']>;

  constructor(database: DatabaseSync) {
    this.#load = database.prepare('SELECT signature FROM signatures WHERE model = ? AND version = ?');
    this.#keep = database.prepare('INSERT OR IGNORE INTO signatures VALUES (?, ?, ?)');
  }

  take(snapshot: Snapshot): void {
    for (const { name, versions } of Object.values(snapshot.models)) {
      for (const { version, signature } of Object.values(versions)) {
        if (this.of(name, version)) continue;
        this.#keep.run(name, version, JSON.stringify(signature));
        this.#known.set(`${name}/${version}`, signature);
      }
    }
  }

  /** Null for a version that was never served. */
  of(model: string, version: number): Signature | null {
    const key = `${model}/${version}`;
    let signature = this.#known.get(key);
    if (signature === undefined) {
      const row = this.#load.get(model, version) as { signature: string } | undefined;
      signature = row ? (JSON.parse(row.signature) as Signature) : null;
      this.#known.set(key, signature);
    }
    return signature;
  }
}
