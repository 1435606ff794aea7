import { createReadStream } from 'node:fs';
import { Parser, type ReadEntry } from 'tar';
import { SlipwayError } from '../../errors.ts';
import { noLinks } from './names.ts';
import type { Unpacking } from './unpacking.ts';

const fileTypes: readonly string[] = ['File', 'OldFile', 'ContiguousFile'];

/**
 * Unpacks a tar archive, gzipped or not (POSIX pax and GNU, read by node-tar). Throws FILE_UNSAFE for names that
 * lead out, links and devices; FILE_BROKEN for what is no whole tar.
 */
export async function untar(
  path: string,
  name: string,
  unpacking: Unpacking,
  compressed: boolean,
): Promise<void> {
  const source = createReadStream(path);
  const kept: Promise<void>[] = [];
  try {
    await new Promise<void>((resolve, reject) => {
      const parser = new Parser({
        strict: true,
        // One after another: the next entry comes when this one has been read to its end.
        onReadEntry: (entry) => {
          const one = unpack(entry, name, unpacking);
          one.catch(reject);
          kept.push(one);
        },
      });
      parser.on('ignoredEntry', ({ path: entry, type }: ReadEntry) =>
        reject(new SlipwayError('FILE_UNSUPPORTED', `${name}: ${entry} is of the type ${type}.`)),
      );
      parser.on('error', reject);
      parser.on('end', resolve);
      source.on('error', reject);
      source.pipe(parser as unknown as NodeJS.WritableStream);
    });
    await Promise.all(kept);
  } catch (error) {
    if (error instanceof SlipwayError) throw error;
    // node-tar's own bound, 1000, also holds for what is passed over.
    if ((error as Error).message.startsWith('max decompression ratio'))
      throw new SlipwayError(
        'FILE_UNSAFE',
        `${name} unpacks to more than 1000 times its size.`,
        'Pack the model’s files alone.',
      );
    if (compressed && kept.length === 0)
      throw new SlipwayError(
        'FILE_UNSUPPORTED',
        `${name} is compressed with gzip, and what is in it is no tar archive.`,
        'Give a file by itself as it is (gunzip), a folder as .tar.gz or .zip.',
      );
    throw new SlipwayError('FILE_BROKEN', `${name} is no whole tar archive: ${(error as Error).message}.`);
  } finally {
    source.destroy();
  }
}

async function unpack(entry: ReadEntry, name: string, unpacking: Unpacking): Promise<void> {
  const { type, path } = entry;
  const isFile = fileTypes.includes(type);
  if (!isFile && type !== 'Directory' && type !== 'GNUDumpDir')
    throw new SlipwayError(
      'FILE_UNSAFE',
      `${name}: ${path} is a link or a device (${type}), not a file.`,
      noLinks,
    );
  const wanted = unpacking.wants(path, isFile);
  if (wanted === null) entry.resume();
  else await unpacking.keep(wanted, entry);
}
