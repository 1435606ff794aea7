import { createWriteStream } from 'node:fs';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { SlipwayError } from '../../errors.ts';
import { nameInside, sameOnDisk } from './names.ts';

export const mostFiles = 1000;
export const mostBytes = 4 * 2 ** 30;
/** Deflate packs zeros 1:1032, models hardly 1:10. Little archives may be anything. */
const mostRatio = 200;
const littleBytes = 64 * 2 ** 20;

/**
 * Where an archive's files go: one after another into numbered files of one folder, so that no name from an
 * archive ever reaches the file system. Bounded in count, bytes and ratio. Throws FILE_UNSAFE.
 */
export class Unpacking {
  /** Name inside the archive → absolute path. */
  readonly files = new Map<string, string>();
  readonly #archive: { name: string; bytes: number };
  readonly #folder: string;
  readonly #onDisk = new Set<string>();
  #seen = 0;
  #bytes = 0;

  constructor(archive: { name: string; bytes: number }, folder: string) {
    this.#archive = archive;
    this.#folder = folder;
  }

  /** Whether this entry is a file to keep; counts it. */
  wants(given: string, isFile: boolean): string | null {
    if (++this.#seen > mostFiles) this.#unsafe(`holds more than ${mostFiles} files`);
    const name = nameInside(given, this.#archive.name);
    if (name === null || !isFile) return null;
    const key = sameOnDisk(name);
    if (this.#onDisk.has(key)) this.#unsafe(`holds two files named "${name}"`);
    this.#onDisk.add(key);
    return name;
  }

  async keep(
    name: string,
    content: AsyncIterable<Uint8Array>,
    look: (chunk: Uint8Array) => void = () => {},
  ): Promise<void> {
    const path = join(this.#folder, String(this.files.size));
    this.files.set(name, path);
    const counted = async function* (this: Unpacking): AsyncGenerator<Uint8Array> {
      for await (const chunk of content) {
        this.#count(chunk.length);
        look(chunk);
        yield chunk;
      }
    };
    await pipeline(counted.call(this), createWriteStream(path, { flags: 'wx', mode: 0o600 }));
  }

  #count(bytes: number): void {
    this.#bytes += bytes;
    if (this.#bytes > mostBytes) this.#unsafe(`unpacks to more than ${mostBytes / 2 ** 30} GiB`);
    if (this.#bytes > littleBytes && this.#bytes > mostRatio * this.#archive.bytes)
      this.#unsafe(`unpacks to more than ${mostRatio} times its size`);
  }

  #unsafe(why: string): never {
    throw new SlipwayError('FILE_UNSAFE', `${this.#archive.name} ${why}.`, 'Pack the model’s files alone.');
  }
}
