import { createReadStream, createWriteStream } from 'node:fs';
import { mkdir, mkdtemp, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { SlipwayError } from '../../errors.ts';
import { inMemory, type ProgramBytes, programPart } from '../program-file.ts';

/** What a folder may hold: it is copied whenever the version's scorer starts. */
const mostBytes = 2 ** 30;
const format = 1;
const lengthBytes = 4;
/** So much of it is in memory at a time. */
const pieceBytes = 2 ** 20;

interface Index {
  format: number;
  files: { name: string; bytes: number }[];
}

/**
 * Puts a folder's files into one: the length of an index (uint32, little-endian), the index as JSON, the files one after
 * the other in the order of their names. Throws FILE_UNSUPPORTED for more than 1 GiB. `given`: for messages.
 */
export async function writeImage(
  image: string,
  files: ReadonlyMap<string, string>,
  given: string,
): Promise<void> {
  const index: Index = { format, files: [] };
  let bytes = 0;
  for (const name of [...files.keys()].sort()) {
    const { size } = await stat(files.get(name)!);
    index.files.push({ name, bytes: size });
    bytes += size;
  }
  if (bytes > mostBytes)
    throw new SlipwayError(
      'FILE_UNSUPPORTED',
      `${given}: with its folder it is ${(bytes / 2 ** 30).toFixed(1)} GiB, more than 1 GiB.`,
      'Keep large weights outside the folder, where model.py loads them from by their path.',
    );
  const head = Buffer.from(JSON.stringify(index));
  const length = Buffer.alloc(lengthBytes);
  length.writeUInt32LE(head.length);
  await pipeline(
    async function* () {
      yield length;
      yield head;
      for (const { name, bytes: size } of index.files) {
        let read = 0;
        for await (const chunk of createReadStream(files.get(name)!)) {
          read += (chunk as Buffer).length;
          yield chunk;
        }
        if (read !== size)
          throw new SlipwayError('FILE_BROKEN', `${given}: ${name} changed while it was read.`);
      }
    },
    createWriteStream(image, { mode: 0o600 }),
  );
}

/** Unpacks an image into a new folder below `root`, and returns that. */
export async function unpacked(image: ProgramBytes, root: string): Promise<string> {
  const { index, end } = await readIndex(image);
  await mkdir(root, { recursive: true, mode: 0o700 });
  const folder = await mkdtemp(join(root, 'version-'));
  try {
    let at = end;
    for (const { name, bytes } of index.files) {
      const path = join(folder, name);
      await mkdir(dirname(path), { recursive: true, mode: 0o700 });
      await pipeline(pieces(image, at, at + bytes), createWriteStream(path, { mode: 0o400 }));
      at += bytes;
    }
  } catch (error) {
    await rm(folder, { recursive: true, force: true });
    throw error;
  }
  return folder;
}

/** `end`: where the first file begins. */
async function readIndex(image: ProgramBytes): Promise<{ index: Index; end: number }> {
  const read = async (from: number, to: number) => Buffer.from(await inMemory(programPart(image, from, to)));
  const end = lengthBytes + (await read(0, lengthBytes)).readUInt32LE();
  const index = JSON.parse((await read(lengthBytes, end)).toString()) as Index;
  if (index.format !== format)
    throw new SlipwayError('FILE_BROKEN', `The folder was kept in format ${index.format}, not ${format}.`);
  return { index, end };
}

async function* pieces(image: ProgramBytes, from: number, to: number): AsyncGenerator<Uint8Array> {
  for (let at = from; at < to; at += pieceBytes)
    yield await inMemory(programPart(image, at, Math.min(to, at + pieceBytes)));
}
