import { crc32 } from 'node:zlib';
import { type Entry, openPromise, type ZipFile } from 'yauzl';
import { SlipwayError } from '../../errors.ts';
import { noLinks, plainNames } from './names.ts';
import type { Unpacking } from './unpacking.ts';

/** POSIX's file types, in the upper half of an entry's external attributes; 0: not said. */
const typeMask = 0o170000;
const types = { none: 0, file: 0o100000, folder: 0o040000 };

/**
 * Unpacks a zip archive (PKWARE's APPNOTE 6.3, read by yauzl): sizes and checksums must be what its directory says.
 * Throws FILE_UNSAFE for names that lead out, links and devices; FILE_BROKEN for what is no whole zip.
 */
export async function unzip(path: string, name: string, unpacking: Unpacking): Promise<void> {
  try {
    const archive = await openPromise(path, { autoClose: false });
    try {
      for await (const entry of archive.eachEntry()) await unpack(archive, entry, name, unpacking);
    } finally {
      archive.close();
    }
  } catch (error) {
    if (error instanceof SlipwayError) throw error;
    const { message } = error as Error;
    if (/^(invalid relative path|absolute path|invalid characters in fileName)/.test(message))
      throw new SlipwayError(
        'FILE_UNSAFE',
        `${name} holds a file whose name leads out of it: ${message}.`,
        plainNames,
      );
    throw new SlipwayError('FILE_BROKEN', `${name} is no whole zip archive: ${message}.`);
  }
}

async function unpack(archive: ZipFile, entry: Entry, name: string, unpacking: Unpacking): Promise<void> {
  const { fileName } = entry;
  const type = (entry.externalFileAttributes >>> 16) & typeMask;
  if (type !== types.none && type !== types.file && type !== types.folder)
    throw new SlipwayError('FILE_UNSAFE', `${name}: ${fileName} is a link or a device, not a file.`, noLinks);
  if (entry.isEncrypted()) throw new SlipwayError('FILE_UNSUPPORTED', `${name}: ${fileName} is encrypted.`);
  const wanted = unpacking.wants(fileName, !fileName.endsWith('/'));
  if (wanted === null) return;
  const content = await archive.openReadStreamPromise(entry);
  let sum = 0;
  await unpacking.keep(wanted, content, (chunk) => {
    sum = crc32(chunk, sum);
  });
  if (sum !== entry.crc32)
    throw new SlipwayError('FILE_BROKEN', `${name}: the checksum of ${fileName} is wrong.`);
}
