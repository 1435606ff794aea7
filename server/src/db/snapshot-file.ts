import { closeSync, fsyncSync, openSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import type { ServedModel, Snapshot } from '../snapshot.ts';

/** The snapshot as control left it on disk, so that lanes and loops start without control; null in a new folder. */
export function readSnapshot(file: string): Snapshot | null {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as Snapshot;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

/** Models that are in the next snapshot too are not made into text again. */
const texts = new WeakMap<ServedModel, string>();

/** Replaces it whole: a reader sees the old one or the new one. */
export function writeSnapshot(file: string, snapshot: Snapshot): void {
  const fresh = `${file}.new`;
  const descriptor = openSync(fresh, 'w', 0o600);
  try {
    writeFileSync(descriptor, textOf(snapshot));
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
  renameSync(fresh, file);
}

function textOf({ number, at, models }: Snapshot): string {
  const each = Object.entries(models).map(([name, model]) => {
    const text = texts.get(model) ?? JSON.stringify(model);
    texts.set(model, text);
    return `${JSON.stringify(name)}:${text}`;
  });
  return `{"number":${number},"at":${at},"models":{${each.join()}}}`;
}
