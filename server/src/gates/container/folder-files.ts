import { readdir } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import { SlipwayError } from '../../errors.ts';
import { nameInside, noLinks } from './names.ts';
import { mostFiles } from './unpacking.ts';

/** The files of a folder, name → absolute path. Throws FILE_UNSAFE for links and devices, and for more than `mostFiles`. */
export async function folderFiles(folder: string, name: string): Promise<Map<string, string>> {
  const files = new Map<string, string>();
  const folders = [folder];
  for (let one = folders.pop(); one !== undefined; one = folders.pop()) {
    for (const entry of await readdir(one, { withFileTypes: true })) {
      const path = join(one, entry.name);
      const inside = nameInside(relative(folder, path).split(sep).join('/'), name);
      if (inside === null) continue;
      if (entry.isDirectory()) folders.push(path);
      else if (!entry.isFile())
        throw new SlipwayError(
          'FILE_UNSAFE',
          `${name}: ${inside} is a link or a device, not a file.`,
          noLinks,
        );
      else files.set(inside, path);
      if (files.size + folders.length > mostFiles)
        throw new SlipwayError('FILE_UNSAFE', `${name} holds more than ${mostFiles} files.`);
    }
  }
  return files;
}
