import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { productVersion } from '../product.ts';

/** A Slipway's own code in all its processes takes about 20 MB; what is beyond is of other code, or of code that moved. */
const mostBytes = 128 * 2 ** 20;
const ownerName = 'of';

/**
 * What V8 has made of Slipway's code is thrown away whole where it is another Slipway's or another Node's, or has become
 * too much: it is made again by whoever starts. Only before any process of this folder runs.
 */
export function boundCompiled(folder: string): void {
  const owner = `slipway ${productVersion}, node ${process.version} ${process.arch}\n`;
  if (ownerOf(folder) !== owner || bytesIn(folder) > mostBytes) {
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    writeFileSync(join(folder, ownerName), owner);
  }
}

function ownerOf(folder: string): string | null {
  try {
    return readFileSync(join(folder, ownerName), 'utf8');
  } catch {
    return null;
  }
}

function bytesIn(folder: string): number {
  let bytes = 0;
  for (const name of readdirSync(folder, { recursive: true }) as string[])
    bytes += statSync(join(folder, name), { throwIfNoEntry: false })?.size ?? 0;
  return bytes;
}
