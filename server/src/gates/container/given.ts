import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, open, stat } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import { SlipwayError } from '../../errors.ts';
import type { GivenFiles } from '../../models/model.ts';
import { folderFiles } from './folder-files.ts';
import { Unpacking } from './unpacking.ts';
import { untar } from './untar.ts';
import { unzip } from './unzip.ts';

/**
 * Opens what was given: a file, a folder, or an archive (zip, tar, tar.gz), told by its first bytes, which is unpacked
 * into `room`, a folder that is not there yet. A single folder around everything is taken off. Throws FILE_*.
 */
export async function openGiven(given: { name: string; path: string }, room: string): Promise<GivenFiles> {
  const { name, path } = given;
  const found = await stat(path);
  if (found.isDirectory()) return inner(name, await folderFiles(path, name));
  const archive = await archiveKind(path);
  if (archive === null) return { name, files: new Map([[name, path]]), folder: false };
  await mkdir(room);
  const unpacking = new Unpacking({ name, bytes: found.size }, room);
  if (archive === 'zip') await unzip(path, name, unpacking);
  else await untar(path, name, unpacking, archive === 'tar.gz');
  return inner(name, unpacking.files);
}

/**
 * SHA-256, hex: of a single file its own; of several that of the text that `sha256sum` prints for them, sorted by
 * name in bytes (a line a file: digest, two spaces, name).
 */
export async function digestOf({ files }: GivenFiles): Promise<{ digest: string; bytes: number }> {
  const names = [...files.keys()].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
  const lines: string[] = [];
  let bytes = 0;
  for (const name of names) {
    const path = files.get(name)!;
    const hash = createHash('sha256');
    await pipeline(createReadStream(path), hash);
    lines.push(`${hash.digest('hex')}  ${name}\n`);
    bytes += (await stat(path)).size;
  }
  const [only] = lines;
  if (lines.length === 1) return { digest: only!.slice(0, 64), bytes };
  return { digest: createHash('sha256').update(lines.join('')).digest('hex'), bytes };
}

/** Takes off the folders that all files lie in. */
function inner(name: string, files: Map<string, string>): GivenFiles {
  if (files.size === 0) throw new SlipwayError('FILE_NOT_RECOGNISED', `${name} holds no file.`);
  const [first, ...rest] = [...files.keys()].map((one) => one.split('/').slice(0, -1));
  let depth = 0;
  while (depth < first!.length && rest.every((folders) => folders[depth] === first![depth])) depth++;
  const shorter = new Map(
    [...files].map(([one, path]) => [one.split('/').slice(depth).join('/'), path] as const),
  );
  return { name, files: shorter, folder: true };
}

/** Where POSIX and GNU tar say "ustar". */
const tarMagicAt = 257;

async function archiveKind(path: string): Promise<'zip' | 'tar' | 'tar.gz' | null> {
  const file = await open(path);
  try {
    const head = Buffer.alloc(512);
    const { bytesRead } = await file.read(head, 0, head.length, 0);
    const begin = head.toString('latin1', 0, Math.min(4, bytesRead));
    // An empty zip begins with its end.
    if (begin === 'PK\x03\x04' || begin === 'PK\x05\x06') return 'zip';
    if (begin.startsWith('\x1f\x8b')) return 'tar.gz';
    return head.toString('latin1', tarMagicAt, tarMagicAt + 5) === 'ustar' ? 'tar' : null;
  } finally {
    await file.close();
  }
}
