import { closeSync, existsSync, openSync, readdirSync, rmSync, writeSync } from 'node:fs';
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

/** Removes those whose lane is dead: their records were never written. */
export function removeRows(folder: string): void {
  if (!existsSync(folder)) return;
  for (const name of readdirSync(folder))
    if (/^\d+-\d+\.rows$/.test(name)) rmSync(join(folder, name), { force: true });
}
