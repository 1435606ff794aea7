import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { SlipwayError } from '../../errors.ts';
import { layout } from '../../layout.ts';
import { lockFolder } from '../../processes/folder-lock.ts';

/** Lies in every folder that a demo made: only such a folder is ever emptied. */
const mark = 'made-by-demo.txt';

/**
 * An empty data folder for a demo. What an earlier demo left there is removed; anything else is left alone.
 * Throws CONFLICT for somebody else's folder, DATA_FOLDER_BUSY for one that is in use.
 */
export function emptyFolder(data: string): void {
  const folder = resolve(data);
  const names = existsSync(folder) ? readdirSync(folder) : [];
  if (names.length > 0) {
    if (!names.includes(mark)) {
      throw new SlipwayError(
        'CONFLICT',
        `${folder} is not empty, and no demo made it.`,
        'Give the demo another folder with --data; it never empties what it did not make.',
      );
    }
    // Another demo may still be running in it.
    lockFolder(layout(folder))();
    rmSync(folder, { recursive: true });
  }
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  writeFileSync(
    join(folder, mark),
    '`slipway demo` made this folder, and empties it when it is run again.\n',
  );
}
