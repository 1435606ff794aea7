import { expect, test } from 'vitest';
import { byteText } from '../src/byte-text.ts';
import { bytes } from '../src/cli/options.ts';

test.each([
  ['0', '0 B'],
  ['999', '999 B'],
  ['64kB', '64 kB'],
  ['200MB', '200 MB'],
  ['12.5MB', '12.5 MB'],
  ['4GB', '4 GB'],
  ['2000GB', '2000 GB'],
  ['1MiB', '1.05 MB'],
])('what is given as %s is said back as %s', (given, said) => {
  expect(byteText(bytes(given))).toBe(said);
});
