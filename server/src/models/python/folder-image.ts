import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { chmod, mkdir, mkdtemp, open, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { SlipwayError } from '../../errors.ts';

/** What a folder may hold: every lane reads it whole when it attaches the version. */
const mostBytes = 2 ** 30;
const format = 1;
const lengthBytes = 4;

interface Index {
  format: number;
  /** SHA-256 over names and contents. */
  digest: string;
  files: { name: string; bytes: number }[];
}

/**
 * A folder's files in one: the length of an index (uint32, little-endian), the index as JSON, the files one after the
 * other in the order of their names. Throws FILE_UNSUPPORTED for more than 1 GiB.
 */
export async function imageOf(files: ReadonlyMap<string, string>, given: string): Promise<Uint8Array> {
  const names = [...files.keys()].sort();
  const index: Index = { format, digest: '', files: [] };
  let bytes = 0;
  for (const name of names) {
    const size = (await stat(files.get(name)!)).size;
    index.files.push({ name, bytes: size });
    bytes += size;
  }
  if (bytes > mostBytes)
    throw new SlipwayError(
      'FILE_UNSUPPORTED',
      `${given}: with its folder it is ${(bytes / 2 ** 30).toFixed(1)} GiB, more than 1 GiB.`,
      'Keep large weights outside the folder, where model.py loads them from by their path.',
    );
  const hash = createHash('sha256');
  for (const name of names) {
    const own = createHash('sha256');
    await pipeline(createReadStream(files.get(name)!), own);
    hash.update(`${own.digest('hex')}  ${name}\n`);
  }
  index.digest = hash.digest('hex');
  const head = Buffer.from(JSON.stringify(index));
  const image = Buffer.alloc(lengthBytes + head.length + bytes);
  image.writeUInt32LE(head.length, 0);
  image.set(head, lengthBytes);
  let at = lengthBytes + head.length;
  for (const { name, bytes: size } of index.files) {
    const file = await open(files.get(name)!);
    try {
      const { bytesRead } = await file.read(image, at, size, 0);
      if (bytesRead !== size)
        throw new SlipwayError('FILE_BROKEN', `${given}: ${name} became shorter while it was read.`);
    } finally {
      await file.close();
    }
    at += size;
  }
  return image;
}

/** Unpacks an image into a new folder below `root`, and returns that. */
export async function unpacked(image: Uint8Array, root: string): Promise<string> {
  const bytes = Buffer.from(image.buffer, image.byteOffset, image.byteLength);
  const headEnd = lengthBytes + bytes.readUInt32LE(0);
  const index = JSON.parse(bytes.toString('utf8', lengthBytes, headEnd)) as Index;
  if (index.format !== format)
    throw new SlipwayError('FILE_BROKEN', `The folder was kept in format ${index.format}, not ${format}.`);
  await mkdir(root, { recursive: true, mode: 0o700 });
  const folder = await mkdtemp(join(root, 'version-'));
  let at = headEnd;
  try {
    for (const { name, bytes: size } of index.files) {
      const path = join(folder, name);
      await mkdir(dirname(path), { recursive: true, mode: 0o700 });
      await writeFile(path, bytes.subarray(at, at + size));
      await chmod(path, 0o400);
      at += size;
    }
  } catch (error) {
    await rm(folder, { recursive: true, force: true });
    throw error;
  }
  return folder;
}
