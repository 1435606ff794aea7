import { closeSync, existsSync, openSync, readdirSync, rmSync, statSync, writeSync } from 'node:fs';
import { join } from 'node:path';

/** Where the rows of one record lie before it is made a segment with them: from a byte of a file on, to its end. */
export interface RowsFile {
  path: string;
  from: number;
}

/** `number`: of the incarnation's, from 0 on. */
export function rowsPath(folder: string, incarnation: number, number: number): string {
  return join(folder, `${incarnation}-${number}.rows`);
}

/** Whether they could be written; where not, there is no file. */
export function writeRows(bytes: Uint8Array, { path, from }: RowsFile): boolean {
  try {
    const file = openSync(path, 'wx');
    try {
      for (let at = 0; at < bytes.length; ) at += writeSync(file, bytes, at, bytes.length - at, from + at);
    } finally {
      closeSync(file);
    }
    return true;
  } catch {
    rmSync(path, { force: true });
    return false;
  }
}

/** Removes those that were last written before a time, ms since the epoch: their lane is dead, and their record was never written. */
export function removeRows(folder: string, before: number): void {
  if (!existsSync(folder)) return;
  for (const name of readdirSync(folder)) {
    if (!/^\d+-\d+\.rows$/.test(name)) continue;
    const path = join(folder, name);
    // It may become a segment at any moment.
    const { mtimeMs } = statSync(path, { throwIfNoEntry: false }) ?? {};
    if (mtimeMs !== undefined && mtimeMs < before) rmSync(path, { force: true });
  }
}
