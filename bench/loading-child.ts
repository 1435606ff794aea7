import { readFileSync, writeFileSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { attachArm } from '../server/src/lane/arm.ts';
import { layout } from '../server/src/layout.ts';
import { kindNamed } from '../server/src/models/kinds.ts';
import { defaultPolicy } from '../server/src/signature.ts';
import type { ServedModel, ServedVersion } from '../server/src/snapshot.ts';
import { threadCpu } from '../server/src/thread-cpu.ts';

/**
 * One step of `loading.ts` in a process of its own: `read KIND FILE` reads and parses or splits the file; `prepare
 * KIND FILE` makes the program beside it, as the candidate does; `attach KIND FILE` attaches that as a lane does.
 * Prints CPU ms of all threads, the longest that the event loop was held, ms of CPU, and the most memory, bytes.
 */
const [step, kind, file] = process.argv.slice(2) as [string, string, string];
const places = { program: `${file}.program`, signature: `${file}.signature` };

let longest = 0;
let going = true;
let last = 0;
const look = (): void => {
  const now = threadCpu();
  longest = Math.max(longest, now - last);
  last = now;
  if (going) setImmediate(look);
};

const residentBefore = process.memoryUsage.rss();
const before = process.cpuUsage();
const began = performance.now();
if (step === 'read') {
  const text = readFileSync(file, 'utf8');
  if (text.startsWith('{')) JSON.parse(text);
  else if (text.startsWith('tree')) text.split('\n').map((line) => line.split(' '));
} else if (step === 'prepare') {
  const { program, signature } = await kindNamed(kind).prepare({ main: 'model', path: file }, {});
  writeFileSync(places.program, program);
  writeFileSync(places.signature, JSON.stringify(signature));
} else {
  const version = {
    version: 1,
    kind,
    program: basename(places.program),
    signature: JSON.parse(readFileSync(places.signature, 'utf8')),
    policy: defaultPolicy,
    impute: [],
    microseconds: 1,
    baseline: null,
    checkpoint: null,
  } as ServedVersion;
  const served = {
    name: 'm',
    privacy: { hash: [], drop: [] },
    failedWrite: 'refuse',
  } as unknown as ServedModel;
  last = threadCpu();
  setImmediate(look);
  await new Promise((resolve) => setImmediate(resolve));
  longest = 0;
  await attachArm(served, version, { ...layout(dirname(file)), blobs: dirname(file) }, 'secret', {
    hear: () => {},
    ask: () => {},
  });
  going = false;
  look();
}
const wall = performance.now() - began;
const { user, system } = process.cpuUsage(before);
const peak = Number(/VmHWM:\s+(\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))![1]) * 1024;
console.log(
  JSON.stringify({ cpu: (user + system) / 1000, wall, longest, grown: peak - residentBefore, peak }),
);
process.exit(0);
