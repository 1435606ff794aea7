import { randomBytes } from 'node:crypto';
import { accessSync, constants, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { SlipwayError } from '../errors.ts';
import type { Layout } from '../layout.ts';

/**
 * Holds the data folder for this process: SQLite's exclusive file lock, which the operating system gives
 * back whenever and however the process ends. Returns the release. Throws DATA_FOLDER_UNUSABLE and DATA_FOLDER_BUSY.
 */
export function lockFolder(layout: Layout): () => void {
  for (const folder of [layout.root, layout.journal, layout.blobs]) make(folder);
  const owner = `${layout.lock}.owner`;
  const lock = new DatabaseSync(layout.lock);
  try {
    lock.exec('PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE');
  } catch {
    lock.close();
    let holder = 'another Slipway';
    try {
      holder = `process ${readFileSync(owner, 'utf8').trim()}`;
    } catch {
      // The holder is about to write it; its name is a courtesy only.
    }
    throw new SlipwayError('DATA_FOLDER_BUSY', `${layout.root} is in use by ${holder}.`);
  }
  writeFileSync(owner, `${process.pid}\n`);
  if (!existsSync(layout.secret))
    writeFileSync(layout.secret, randomBytes(32).toString('hex'), { mode: 0o600 });
  return () => lock.close();
}

function make(folder: string): void {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    accessSync(folder, constants.W_OK | constants.X_OK);
  } catch (error) {
    throw new SlipwayError('DATA_FOLDER_UNUSABLE', `${folder} cannot be used: ${(error as Error).message}.`);
  }
}

/** The next incarnation: every lane process that ever wrote to this folder has a number of its own. */
export function nextIncarnation(layout: Layout): number {
  const file = `${layout.lock}.incarnation`;
  let last = 0;
  try {
    last = Number.parseInt(readFileSync(file, 'utf8'), 10) || 0;
  } catch {
    // A new folder.
  }
  writeFileSync(file, `${last + 1}\n`);
  return last + 1;
}
