import { isUtf8 } from 'node:buffer';
import { SlipwayError } from './errors.ts';

/** A body's one JSON value. Throws INVALID_JSON. */
export function parseJson(bytes: Buffer): unknown {
  // Decoding would put replacement characters in place of what was meant: two keys could become one.
  if (!isUtf8(bytes)) throw new SlipwayError('INVALID_JSON', 'The body is not UTF-8.');
  try {
    return JSON.parse(bytes.toString());
  } catch (error) {
    throw new SlipwayError('INVALID_JSON', `The body is not JSON: ${(error as Error).message}.`);
  }
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
