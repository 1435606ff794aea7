import { readFileSync } from 'node:fs';
import { SlipwayError } from '../errors.ts';

/** PEM files of a certificate (its chain behind it) and its key. */
export interface TlsFiles {
  cert: string;
  key: string;
}

export interface Tls {
  cert: Buffer;
  key: Buffer;
}

/** `files` null: no encryption. Throws TLS_UNREADABLE. */
export function readTls(files: TlsFiles | null): Tls | null {
  if (files === null) return null;
  try {
    return { cert: readFileSync(files.cert), key: readFileSync(files.key) };
  } catch (error) {
    throw new SlipwayError('TLS_UNREADABLE', (error as Error).message);
  }
}
