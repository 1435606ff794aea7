import { hash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { Actor } from '../actor.ts';
import { SlipwayError } from '../errors.ts';

const local: Actor = { name: 'local', isAdmin: false };

/** Bearer keys of key files: lines of `name:key`. */
export class Keys {
  /** Whether nobody may ask anything without a key. */
  readonly needed: boolean;
  /** By SHA-256 of the key, so that looking one up takes the same time whatever was sent. */
  readonly #actors: Map<string, Actor>;

  /** `file` null: no keys are needed, and whoever brings none is "local". `adminFile`: of those who may more. */
  constructor(file: string | null, adminFile: string | null) {
    this.needed = file !== null;
    this.#actors = new Map([
      ...(file === null ? [] : keysIn(file, false)),
      ...(adminFile === null ? [] : keysIn(adminFile, true)),
    ]);
  }

  /** Throws UNAUTHORIZED. */
  actor(authorization: string | undefined): Actor {
    if (!this.needed && (authorization === undefined || this.#actors.size === 0)) return local;
    const key = /^Bearer (.+)$/i.exec(authorization ?? '')?.[1];
    const actor = key === undefined ? undefined : this.#actors.get(hash('sha256', key.trim()));
    if (!actor) {
      throw new SlipwayError(
        'UNAUTHORIZED',
        authorization ? 'This key is not known.' : 'A key is needed here.',
      );
    }
    return actor;
  }
}

function keysIn(file: string, isAdmin: boolean): [string, Actor][] {
  const found: [string, Actor][] = [];
  for (const [index, line] of read(file).split('\n').entries()) {
    const text = line.trim();
    if (text === '' || text.startsWith('#')) continue;
    const colon = text.indexOf(':');
    const key = text.slice(colon + 1).trim();
    if (colon < 1 || key.length < 16) {
      throw new SlipwayError(
        'KEY_FILE_REQUIRED',
        `Line ${index + 1} of ${file} is not "name:key" with a key of 16 characters or more.`,
        'Mend the line, or put # before it.',
      );
    }
    found.push([hash('sha256', key), { name: text.slice(0, colon).trim(), isAdmin }]);
  }
  if (found.length === 0)
    throw new SlipwayError('KEY_FILE_REQUIRED', `${file} holds no key.`, 'Write a line "name:key" into it.');
  return found;
}

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new SlipwayError('KEY_FILE_REQUIRED', `Cannot read ${file}: ${(error as Error).message}.`);
  }
}
