import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { findBackground, setBackground } from '../server/src/background.ts';
import { inRepository } from '../server/test/processes/harness.ts';
import { completeForest } from './complete-forest.ts';
import { lightgbmFile } from './lightgbm-file.ts';
import { residentBytes } from './process-cpu.ts';
import { median, ratio } from './serving/report.ts';
import { SlipwayProcess } from './slipway.ts';
import type { Order, Told } from './swaps/callers.ts';
import { machineTurns } from './swaps/machine.ts';
import { xgboostFile } from './xgboost-file.ts';

/**
 * Whether changes of what is served show: versions of every kind are deployed, promoted, rolled back, unloaded and
 * loaded under a steady load on another model, a quarter of what the lane can answer; windows without changes lie
 * between. Every answer must be whole, and the same as without changes. The lane's longest turns are told beside what the
 * machine makes of a turn of fixed work. Then so many more changes without load: whether memory grows.
 *
 *   node bench/swaps.ts [changes under load] [changes for memory]      RATE=1: changes a second; 0: one upon the other
 *                                                                      KINDS=logistic,…
 */
const changes = Number(process.argv[2] ?? 200);
const leakChanges = Number(process.argv[3] ?? 1000);
const changesPerSecond = Number(process.env.RATE ?? 1);
const windowSeconds = 5;
/** How long the machine is looked at by itself: what it holds up is no turn's own. */
const machineSeconds = 60;
/** Of what a lane can answer: the rest is for whoever changes something. */
const share = 0.25;

const folder = mkdtempSync(join(tmpdir(), 'slipway-swaps-'));
const probe = join(folder, 'probe');
writeFileSync(probe, '');
process.env.LOOP_PROBE = probe;
process.env.NODE_OPTIONS = `--import=${new URL('./loop-probe.ts', import.meta.url).href}`;

const xgboost = join(folder, 'xgboost.json');
writeFileSync(xgboost, xgboostFile(completeForest(500, 6, 30)));
const lightgbm = join(folder, 'lightgbm.txt');
writeFileSync(lightgbm, lightgbmFile(500, 31, 30));
const spec = (name: string): string => inRepository(`spec/models/${name}`);
/** A file a kind of version; a swap goes to another version of the same file and back. */
const kinds: { [model: string]: string } = {
  'lightgbm-small': inRepository('examples/electricity/model.txt'),
  'lightgbm-500': lightgbm,
  'xgboost-500': xgboost,
  catboost: spec('cat_regression/model.cbm'),
  logistic: new URL('./logit-30.json', import.meta.url).pathname,
  'onnx-compiled': spec('sk_gboost/model.onnx'),
  'onnx-runtime': spec('onnx_mlp/model.onnx'),
};
const names = process.env.KINDS?.split(',') ?? Object.keys(kinds);

const steady = fork(new URL('swaps/callers.ts', import.meta.url), {
  env: { ...process.env, NODE_OPTIONS: '' },
});
const slipway = await SlipwayProcess.start();
// Whoever changes something is elsewhere.
await findBackground();
setBackground(process.pid, true);
try {
  await slipway.deploy('steady', inRepository('examples/electricity/model.txt'));
  for (const name of names) await slipway.deploy(name, kinds[name]!);
  const asked = async (seconds: number, rate: number | null): Promise<Told> => {
    steady.send({ port: slipway.port, seconds, rate } satisfies Order);
    const [told] = (await once(steady, 'message')) as [Told];
    return told;
  };
  const verbs = ['rollback', 'rollback', 'unload', 'load'];
  const perSwap = 1 + verbs.length;
  const swapMs = changesPerSecond > 0 ? (perSwap * 1000) / changesPerSecond : 0;
  const swap = async (name: string): Promise<void> => {
    await slipway.deploy(name, kinds[name]!);
    for (const verb of verbs) await slipway.change(`/api/models/${name}/${verb}`, {});
  };
  const most = await asked(3, null);
  const rate = (share * most.requests) / most.seconds;
  const p99 = { quiet: [] as number[], changing: [] as number[] };
  let wrong = 0;
  let requests = 0;
  const spans: { name: string; from: number; to: number }[] = [];
  let made = 0;
  for (let round = 0; made < changes; ) {
    for (const kind of ['quiet', 'changing'] as const) {
      const from = Date.now();
      const end = from + windowSeconds * 1000;
      const load = asked(windowSeconds, rate);
      if (kind === 'quiet') {
        await load;
        spans.push({ name: 'no changes', from, to: Date.now() });
      } else {
        while (Date.now() < end - Math.max(500, swapMs / 2) && made < changes) {
          const name = names[round++ % names.length]!;
          const began = Date.now();
          await Promise.all([swap(name), pause(swapMs)]);
          made += perSwap;
          spans.push({ name, from: began, to: Date.now() });
        }
      }
      const told = await load;
      wrong += told.wrong;
      if (told.firstWrong) console.log(told.firstWrong);
      requests += told.requests;
      p99[kind].push(told.p99);
    }
  }
  console.log(
    `${requests} requests, ${rate.toFixed(0)} a second, ${made} changes, ${wrong} dropped or wrong; p99 of ${p99.quiet.length} windows each ${median(p99.quiet).toFixed(2)} ms without changes, ${median(p99.changing).toFixed(2)} ms with: ${ratio(p99.changing, p99.quiet)}x`,
  );
  await pause(700);
  const pauses = readFileSync(probe, 'utf8')
    .trim()
    .split('\n')
    .map((line) => line.split(' ').map(Number));
  for (const name of ['no changes', ...names]) {
    const of = spans.filter((span) => span.name === name);
    const seen = pauses.filter(([at]) => of.some(({ from, to }) => at! >= from && at! <= to + 5));
    const most = seen.reduce((a, b) => (b[1]! > a[1]! ? b : a), [0, 0, 0, 0]);
    const seconds = of.reduce((sum, { from, to }) => sum + (to - from) / 1000, 0);
    const over = seen.filter(([, cpu]) => cpu! > 5).length;
    console.log(
      `${name.padEnd(16)} ${of.length} spans, ${seconds.toFixed(0)} s; longest turn ${most[1]} ms CPU (${most[2]} wall, ${most[3]} of it GC); over 5 ms: ${over}`,
    );
  }
  // At the lane's priority, which has the machine to itself now.
  setBackground(process.pid, false);
  const turns = await machineTurns(machineSeconds);
  const longest = turns.reduce((a, b) => Math.max(a, b));
  console.log(
    `the machine      ${machineSeconds} s of 1 ms of work, over and over; longest ${longest.toFixed(1)} ms CPU; over 5 ms: ${turns.filter((cpu) => cpu > 5).length}`,
  );
  const pid = (await slipway.processes()).find(({ name }) => name === 'lane-1')!.pid;
  for (let made = 0, round = 0; made < leakChanges; round++) {
    const name = names[round % names.length]!;
    await slipway.change(`/api/models/${name}/unload`, {});
    await slipway.change(`/api/models/${name}/load`, {});
    made += 2;
    if (made % (leakChanges / 5) < 2)
      console.log(`after ${made} changes: lane ${(residentBytes(pid) / 2 ** 20).toFixed(0)} MB`);
  }
} finally {
  steady.kill();
  await slipway.stop();
  rmSync(folder, { recursive: true, force: true });
}
