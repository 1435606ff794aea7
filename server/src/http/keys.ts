import { hash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { SlipwayError } from '../errors.ts';

/** Bearer keys of a key file: lines of `name:key`; the name is the actor in provenance and timeline. */
export class Keys {
  /** By SHA-256 of the key, so that looking one up takes the same time whatever was sent. */
  readonly #names = new Map<string, string>();

  /** `file` null: no keys are needed, and everyone is "local". */
  constructor(file: string | null) {
    if (file === null) return;
    for (const [index, line] of read(file).split('\n').entries()) {
      const text = line.trim();
      if (text === '' || text.startsWith('#')) continue;
      const colon = text.indexOf(':');
      const key = text.slice(colon + 1).trim();
      if (colon < 1 || key.length < 16) {
        throw new SlipwayError(
          'KEY_FILE_REQUIRED',
          `Line ${index + 1} of ${file} is not "name:key" with a key of 16 characters or more.`,
        );
      }
      this.#names.set(hash('sha256', key), text.slice(0, colon).trim());
    }
    if (this.#names.size === 0) throw new SlipwayError('KEY_FILE_REQUIRED', `${file} holds no key.`);
  }

  get needed(): boolean {
    return this.#names.size > 0;
  }

  /** The actor's name. Throws UNAUTHORIZED. */
  actor(authorization: string | undefined): string {
    if (this.#names.size === 0) return 'local';
    const key = /^Bearer (.+)$/i.exec(authorization ?? '')?.[1];
    const name = key === undefined ? undefined : this.#names.get(hash('sha256', key.trim()));
    if (name === undefined) {
      throw new SlipwayError(
        'UNAUTHORIZED',
        authorization ? 'This key is not known.' : 'A key is needed here.',
      );
    }
    return name;
  }
}

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new SlipwayError('KEY_FILE_REQUIRED', `Cannot read ${file}: ${(error as Error).message}.`);
  }
}
