import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { residentBytes, ticksPerSecond } from '../process-cpu.ts';

/** What a process has had of the core that it is kept on. Seconds, bytes. */
export interface Reading {
  at: number;
  /** All its threads worked. */
  cpu: number;
  /** Its main thread could have worked, and did not get the core. */
  waited: number;
  /** Of `cpu`, its other threads', who share the core with the main one. */
  beside: number;
  /** The machine below this one gave the core to others. */
  stolen: number;
  resident: number;
}

/** Whether processes can be kept on a core each here. */
export const canPin = process.platform === 'linux' && availableParallelism() > 1 && hasTaskset();

/** Keeps all threads of a process on a core; one that has ended meanwhile takes nobody's time. */
export function pin(pid: number, core: number): void {
  if (!canPin) return;
  try {
    execFileSync('taskset', ['-apc', String(core), String(pid)], { stdio: 'ignore' });
  } catch (thrown) {
    if (existsSync(`/proc/${pid}`)) throw thrown;
  }
}

/** https://docs.kernel.org/scheduler/sched-stats.html */
export function reading(pid: number, core: number): Reading {
  let cpu = 0;
  for (const thread of readdirSync(`/proc/${pid}/task`)) cpu += schedule(pid, thread).ran;
  const main = schedule(pid, String(pid));
  const steal = new RegExp(`^cpu${core} (?:\\d+ ){7}(\\d+)`, 'm').exec(
    readFileSync('/proc/stat', 'utf8'),
  )![1];
  return {
    at: performance.now() / 1000,
    cpu,
    waited: main.waited,
    beside: cpu - main.ran,
    stolen: Number(steal) / ticksPerSecond,
    resident: residentBytes(pid),
  };
}

/** Which share of the time between two readings others had the core while the process wanted it. */
export function othersShare(from: Reading, to: Reading): number {
  const waited = to.waited - from.waited - (to.beside - from.beside);
  return (Math.max(0, waited) + to.stolen - from.stolen) / (to.at - from.at);
}

function schedule(pid: number, thread: string): { ran: number; waited: number } {
  const [ran, waited] = readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'utf8').split(' ');
  return { ran: Number(ran) / 1e9, waited: Number(waited) / 1e9 };
}

function hasTaskset(): boolean {
  try {
    execFileSync('taskset', ['-p', String(process.pid)], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}
