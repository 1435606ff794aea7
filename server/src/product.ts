import { readFileSync } from 'node:fs';

/** Slipway's own version, from the package that this file is part of. */
export const productVersion: string = (
  JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as { version: string }
).version;
