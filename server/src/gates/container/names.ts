import { SlipwayError } from '../../errors.ts';

/** Of a whole name, bytes of UTF-8; and of one part of it, as file systems have it. */
const mostNameBytes = 1024;
const mostPartBytes = 255;

/** What to do about an archive whose names, or links, lead out of it. */
export const plainNames = 'Pack the model’s folder again, with plain relative names.';
export const noLinks = 'Put a copy of the file in the link’s place: cp -rL copies a folder so.';

/**
 * The name of a file inside a container, "/" between folders, as it will be known; null for what is passed over:
 * hidden files and what macOS adds to archives. Throws FILE_UNSAFE for a name that leads anywhere else.
 */
export function nameInside(given: string, container: string): string | null {
  const unsafe = (why: string): never => {
    throw new SlipwayError(
      'FILE_UNSAFE',
      `${container} holds a file named "${shown(given)}", which ${why}.`,
      plainNames,
    );
  };
  if (given.startsWith('/') || /^[A-Za-z]:/.test(given)) unsafe('is an absolute path');
  if (given.includes('\\')) unsafe('has a backslash');
  if (Buffer.byteLength(given) > mostNameBytes) unsafe('is too long');
  const parts = given.split('/').filter((part) => part !== '.' && part !== '');
  for (const part of parts) {
    if (part === '..') unsafe('leads out of its folder');
    if (/\p{Cc}/u.test(part)) unsafe('has control characters');
    if (Buffer.byteLength(part) > mostPartBytes) unsafe('is too long');
  }
  if (parts.length === 0 || parts.some((part) => part.startsWith('.') || part === '__MACOSX')) return null;
  return parts.join('/');
}

/** Two names that some file system holds to be one are one. */
export function sameOnDisk(name: string): string {
  return name.normalize('NFC').toLowerCase();
}

function shown(name: string): string {
  return JSON.stringify(name.slice(0, 80)).slice(1, -1);
}
