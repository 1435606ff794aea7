import { basename, resolve } from 'node:path';
import { Readable } from 'node:stream';
import { create } from 'tar';
import { folderFiles } from '../gates/container/folder-files.ts';

/**
 * A folder as a tar stream, packed while it is read. The same files give the same bytes, whenever and by whomever they
 * were written. Throws FILE_UNSAFE for links: they may lead out of the folder.
 */
export async function packFolder(folder: string): Promise<{ name: string; content: Readable }> {
  const cwd = resolve(folder);
  const name = `${basename(cwd)}.tar`;
  const names = [...(await folderFiles(cwd, basename(cwd))).keys()].sort();
  // Plain "@name" would be read as an archive to be taken in.
  const inside = names.map((one) => `./${one}`);
  const pack = create({ cwd, portable: true, noMtime: true, noPax: false }, inside);
  return { name, content: Readable.from(pack as AsyncIterable<Uint8Array>) };
}
