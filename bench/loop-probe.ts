import { appendFileSync } from 'node:fs';
import { PerformanceObserver } from 'node:perf_hooks';
import { isMainThread } from 'node:worker_threads';
import { threadCpu } from '../server/src/thread-cpu.ts';

/**
 * Loaded into every process of a Slipway under test (`NODE_OPTIONS=--import`): in its lanes, says to the file
 * $LOOP_PROBE what the event loop was held for. Looks every millisecond; a turn's length is the CPU time that the
 * loop's own thread took between two looks, because on a shared machine the wall says how busy the neighbours are.
 * A line a look of over 2 ms: time of day, CPU ms, wall ms, ms of garbage collection in it.
 */
const lane = /"name":"(lane-\d+)"/.exec(process.env.SLIPWAY_PROCESS ?? '')?.[1];
const file = process.env.LOOP_PROBE;
if (lane && file && isMainThread) {
  let collected = 0;
  new PerformanceObserver((list) => {
    for (const { duration } of list.getEntries()) collected += duration;
  }).observe({ entryTypes: ['gc'] });
  let [cpu, wall] = [threadCpu(), performance.now()];
  let lines = '';
  setInterval(() => {
    const [cpuNow, wallNow] = [threadCpu(), performance.now()];
    if (cpuNow - cpu > 2) {
      const [a, b, c] = [cpuNow - cpu, wallNow - wall, collected].map((ms) => ms.toFixed(1));
      lines += `${Date.now()} ${a} ${b} ${c}\n`;
    }
    collected = 0;
    [cpu, wall] = [cpuNow, wallNow];
  }, 1).unref();
  setInterval(() => {
    if (lines !== '') appendFileSync(file, lines);
    lines = '';
    [cpu, wall] = [threadCpu(), performance.now()];
  }, 500).unref();
}
