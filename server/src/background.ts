import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { childrenOf } from './resident.ts';

/**
 * util-linux's: sets how the system schedules a process. What is scheduled as idle gives way at once to whatever wakes
 * up, and takes what nobody wants; niceness alone lets it finish its slice, up to 4 ms, first.
 * https://man7.org/linux/man-pages/man7/sched.7.html
 */
const command = 'chrt';
let isThere = false;

/**
 * Looks whether it can be had here, there and back: anybody may become idle, but without CAP_SYS_NICE (or RLIMIT_NICE)
 * nobody comes back, and would stand still on a machine that is never idle. Until then, and where not, processes are
 * started as usual.
 */
export function findBackground(): Promise<void> {
  return new Promise((resolve) => {
    execFile(command, ['--idle', '0', command, '--other', '0', 'true'], (error) => {
      isThere = error === null;
      resolve();
    });
  });
}

/** How a Node process is started in the background, where that can be had; its flags. */
export function inBackground(flags: string[]): { execPath: string; execArgv: string[] } {
  return isThere
    ? { execPath: command, execArgv: ['--idle', '0', process.execPath, ...flags] }
    : { execPath: process.execPath, execArgv: flags };
}

/**
 * Has a process give way, or have its share of a processor that is never idle, as its niceness says. What it starts is as
 * it was then: so what a process that gave way has started (Python's) comes back with it.
 */
export function setBackground(pid: number, isBackground: boolean): void {
  if (!isThere) return;
  // One that has ended meanwhile needs nothing.
  const how = isBackground ? '--idle' : '--other';
  execFile(command, ['--all-tasks', how, '--pid', '0', String(pid)], () => {
    if (!isBackground) for (const child of childrenOf(pid)) setBackground(child, false);
  });
}

/** How long a process's first thread has waited for a processor, ms; null where the system does not say. */
export function waitedMs(pid: number): number | null {
  try {
    return Number(readFileSync(`/proc/${pid}/schedstat`, 'utf8').split(' ')[1]) / 1e6;
  } catch {
    return null;
  }
}

/** Shorter spans say little, ms. */
const spanMs = 500;
/** Waiting for a larger share of the time, it falls behind. */
const starving = 0.5;
/** Waiting for a smaller share for so long, ms, it can do with what is left over. */
const atEase = 0.25;
const easeMs = 3000;

/**
 * Whether a process that should give way can: one that hardly gets to work is brought to the foreground, until it has
 * been at ease there for a while. Pure: times are arguments.
 */
export class GivingWay {
  isBackground = false;
  #looked = Number.NaN;
  #waited = 0;
  #easeSince = Number.NaN;

  /** `waited`: so far for a processor. Returns whether it is to be changed. ms. */
  look(now: number, waited: number): boolean {
    if (now - this.#looked < spanMs) return false;
    const share = (waited - this.#waited) / (now - this.#looked);
    this.#looked = now;
    this.#waited = waited;
    // The first look has nothing to compare with.
    if (!(share < atEase)) this.#easeSince = now;
    const isChanged = this.isBackground ? share > starving : now - this.#easeSince >= easeMs;
    if (isChanged) this.isBackground = !this.isBackground;
    return isChanged;
  }
}
