#!/usr/bin/env node
// Plain JavaScript that an old Node can read: the first thing it does is to see whether it is too old.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import module from 'node:module';
import { fileURLToPath } from 'node:url';

const needed = [26, 4];
const present = process.versions.node.split('.').map(Number);

if (present[0] > needed[0] || (present[0] === needed[0] && present[1] >= needed[1])) {
  module.enableCompileCache();
  // In a clone the source runs as it is; the published package holds it compiled.
  const source = new URL('../src/cli/main.ts', import.meta.url);
  import(existsSync(source) ? source : new URL('../dist/cli/main.js', import.meta.url));
} else {
  // The npm package `node`, in the clone or beside the installed package.
  const own = ['../node_modules/', '../../node_modules/', '../../']
    .map((place) => fileURLToPath(new URL(`${place}node/bin/node`, import.meta.url)))
    .find((place) => existsSync(place));
  if (own) again(own);
  else {
    console.error(
      `NODE_TOO_OLD: Slipway needs Node ${needed.join('.')} or newer and this is Node ${process.versions.node}, so install it from https://nodejs.org or with \`npm install node@26\` beside Slipway.`,
    );
    process.exitCode = 1;
  }
}

/** The same command under another Node, as if it had been started so: its output, its signals, its end. */
function again(node) {
  const child = spawn(node, process.argv.slice(1), { stdio: 'inherit' });
  for (const signal of ['SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  // Ctrl-C reaches both; what it means is the child's to say.
  process.on('SIGINT', () => {});
  child.on('exit', (code, signal) => {
    if (signal) {
      process.removeAllListeners(signal);
      process.kill(process.pid, signal);
    } else process.exitCode = code;
  });
}
