#!/usr/bin/env node
// Plain JavaScript that an old Node can read: the first thing it does is to say that it is too old.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const needed = [26, 4];
const [major, minor] = process.versions.node.split('.').map(Number);

if (major > needed[0] || (major === needed[0] && minor >= needed[1])) {
  // In a clone the source runs as it is; the published package holds it compiled.
  const source = new URL('../src/cli/main.ts', import.meta.url);
  await import(existsSync(source) ? source : new URL('../dist/cli/main.js', import.meta.url));
} else {
  const own = [
    new URL('../node_modules/node/bin/node', import.meta.url),
    new URL('../../node_modules/node/bin/node', import.meta.url),
  ].find((place) => existsSync(place));
  if (own) {
    const { status } = spawnSync(fileURLToPath(own), process.argv.slice(1), { stdio: 'inherit' });
    process.exit(status ?? 1);
  }
  console.error(
    `NODE_TOO_OLD: Slipway needs Node ${needed.join('.')} or newer, and this is ${process.versions.node}. Install it from your package manager, or run \`npm install --save-dev node@26\` beside Slipway.`,
  );
  process.exit(1);
}
