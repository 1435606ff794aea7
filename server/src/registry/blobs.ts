import { createHash, type Hash, randomBytes } from 'node:crypto';
import { createReadStream, existsSync, mkdirSync, readdirSync, rmSync, statSync } from 'node:fs';
import { open, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { SlipwayError } from '../errors.ts';

const digestPattern = /^[0-9a-f]{64}$/;
/** How a blob is called while it is being written. */
const freshName = 'new-';

/** Bytes kept under their SHA-256, each once, in one folder. */
export class Blobs {
  readonly folder: string;
  /** Digests that somebody works with, and how many do. */
  readonly #held = new Map<string, number>();

  constructor(folder: string) {
    this.folder = folder;
    mkdirSync(folder, { recursive: true, mode: 0o700 });
  }

  /** Absolute path; throws NOT_FOUND for what is not there or is no digest. */
  path(digest: string): string {
    const path = join(this.folder, digest);
    if (!digestPattern.test(digest) || !existsSync(path)) {
      throw new SlipwayError(
        'NOT_FOUND',
        `There is no upload ${digest.slice(0, 80)}.`,
        'Upload the file first: PUT /api/uploads.',
      );
    }
    return path;
  }

  read(digest: string): Promise<Buffer> {
    return readFile(this.path(digest));
  }

  put(bytes: Uint8Array): Promise<{ digest: string; bytes: number }> {
    return this.putStream([bytes], Number.POSITIVE_INFINITY);
  }

  putFile(path: string): Promise<{ digest: string; bytes: number }> {
    return this.putStream(createReadStream(path), Number.POSITIVE_INFINITY);
  }

  /** Streams to disk; synced and renamed into place, so that a blob is whole or not there. Throws BODY_TOO_LARGE. */
  async putStream(
    chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
    limit: number,
  ): Promise<{ digest: string; bytes: number }> {
    const fresh = join(this.folder, `${freshName}${randomBytes(8).toString('hex')}`);
    const hash: Hash = createHash('sha256');
    let bytes = 0;
    try {
      const file = await open(fresh, 'wx', 0o600);
      try {
        for await (const chunk of chunks) {
          bytes += chunk.length;
          if (bytes > limit)
            throw new SlipwayError(
              'BODY_TOO_LARGE',
              `The upload is larger than ${limit} bytes.`,
              'Give it packed (.zip, .tar.gz): what it unpacks to may be larger.',
            );
          hash.update(chunk);
          await file.writeFile(chunk);
        }
        await file.sync();
      } finally {
        await file.close();
      }
      const digest = hash.digest('hex');
      await rename(fresh, join(this.folder, digest));
      return { digest, bytes };
    } catch (error) {
      await rm(fresh, { force: true });
      throw error;
    }
  }

  size(digest: string): number {
    return statSync(this.path(digest)).size;
  }

  /** While `work` goes on, these are not swept. */
  async holding<T>(digests: string[], work: () => Promise<T>): Promise<T> {
    for (const digest of digests) this.#held.set(digest, (this.#held.get(digest) ?? 0) + 1);
    try {
      return await work();
    } finally {
      for (const digest of digests) {
        const others = this.#held.get(digest)! - 1;
        if (others > 0) this.#held.set(digest, others);
        else this.#held.delete(digest);
      }
    }
  }

  /**
   * Removes what was written before `olderThan` (ms since the epoch) and is not among those in use, nor held. Whoever
   * writes the same bytes again makes them new. In one turn: nothing can come to be in use meanwhile. Returns how many
   * bytes that were.
   */
  sweep(inUse: ReadonlySet<string>, olderThan: number): number {
    let swept = 0;
    for (const name of readdirSync(this.folder)) {
      if (inUse.has(name) || this.#held.has(name)) continue;
      if (!digestPattern.test(name) && !name.startsWith(freshName)) continue;
      const path = join(this.folder, name);
      const found = statSync(path, { throwIfNoEntry: false });
      if (!found || found.mtimeMs >= olderThan) continue;
      rmSync(path, { force: true });
      swept += found.size;
    }
    return swept;
  }

  delete(digest: string): void {
    if (digestPattern.test(digest)) rmSync(join(this.folder, digest), { force: true });
  }
}
