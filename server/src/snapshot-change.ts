import type { ServedModel, Snapshot } from './snapshot.ts';

/**
 * What makes one snapshot of another. Snapshots are sent as such: a thousand models are megabytes, and a lane that
 * answers has no time to read them all again because one has changed.
 */
export interface SnapshotChange {
  /** Number of the snapshot that it is applied to; 0: none, all models are here. */
  since: number;
  number: number;
  /** ms since the epoch. */
  at: number;
  /** Models that are new or different. */
  models: { [name: string]: ServedModel };
  /** Names of models that are served no more. */
  gone: string[];
}

/** Pure. Models are the same where they are the same object: see `makeSnapshot`. */
export function changeBetween(before: Snapshot | null, after: Snapshot): SnapshotChange {
  const known = before?.models ?? {};
  const models: SnapshotChange['models'] = {};
  for (const [name, model] of Object.entries(after.models))
    if (of(known, name) !== model) models[name] = model;
  const gone = Object.keys(known).filter((name) => !of(after.models, name));
  return { since: before?.number ?? 0, number: after.number, at: after.at, models, gone };
}

/** Pure; what did not change is the same object. Null where the change belongs to another snapshot. */
export function applyChange(before: Snapshot | null, change: SnapshotChange): Snapshot | null {
  const { since, number, at, gone } = change;
  if (since !== 0 && since !== before?.number) return null;
  const models = since === 0 ? { ...change.models } : { ...before!.models, ...change.models };
  for (const name of gone) delete models[name];
  return { number, at, models };
}

/** A model may be named like what every object has. */
function of(models: Snapshot['models'], name: string): ServedModel | undefined {
  return Object.hasOwn(models, name) ? models[name] : undefined;
}
