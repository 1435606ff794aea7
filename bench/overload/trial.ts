import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { constants, setPriority } from 'node:os';
import { setTimeout as pause } from 'node:timers/promises';
import { quantile, type Shot } from '../load.ts';
import { pin, type Reading, reading } from './core.ts';
import { type Bin, binMs, type Order, type Outcome, type Phase, type Started } from './generator.ts';

/** Who is asked: one process, on a core of its own. */
export interface Server {
  name: string;
  port: number;
  pid: number;
}

/** One order carried out: what came back, and what the server had of its core when each phase began, and at the end. */
export interface Trial {
  phases: { bins: Bin[]; from: Reading; to: Reading }[];
  outcome: Outcome;
  /** The server's resident memory at most, bytes. */
  most: number;
}

export const serverCore = 0;
export const callersCore = 1;

/** A server is at rest when it worked less than this share of the time. */
const restShare = 0.05;
const restMs = 200;
const mostRests = 150;

export class Generator {
  readonly #child: ChildProcess = fork(new URL('generator.ts', import.meta.url), {
    serialization: 'advanced',
  });

  get pid(): number {
    return this.#child.pid!;
  }

  constructor() {
    pin(this.pid, callersCore);
    try {
      // Who shares its core with the callers comes after them.
      setPriority(this.pid, constants.priority.PRIORITY_HIGHEST);
    } catch {
      // Not allowed everywhere; a figure for which it mattered is void.
    }
  }

  /** Throws for an answer that is not the model's. */
  async run({ pid, port }: Server, shots: Shot[], connections: number, phases: Phase[]): Promise<Trial> {
    const readings: Reading[] = [];
    let most = 0;
    const look = setInterval(() => {
      most = Math.max(most, reading(pid, serverCore).resident);
    }, binMs);
    const order: Order = { port, requests: shots.map(({ bytes }) => bytes), connections, phases };
    this.#child.send(order);
    let outcome: Outcome | null = null;
    while (!outcome) {
      const [said] = (await once(this.#child, 'message')) as [Started | Outcome];
      if ('phase' in said) readings.push(reading(pid, serverCore));
      else outcome = said;
    }
    clearInterval(look);
    for (const { request, head, body } of outcome.samples)
      shots[request]!.check({ head, body: Buffer.from(body) });
    const { bins } = outcome;
    return {
      phases: bins.map((own, k) => ({ bins: own, from: readings[k]!, to: readings[k + 1]! })),
      outcome,
      most,
    };
  }

  stop(): void {
    this.#child.kill();
  }
}

/** Waits until a server has done with what it was asked before. */
export async function rest(pid: number): Promise<void> {
  let before = reading(pid, serverCore);
  for (let look = 0; look < mostRests; look++) {
    await pause(restMs);
    const now = reading(pid, serverCore);
    const isWaiting = now.waited - before.waited > (restShare * restMs) / 1000;
    if (!isWaiting && now.cpu - before.cpu < restShare * (now.at - before.at)) return;
    before = now;
  }
}

export function total(bins: Bin[]): Bin {
  const sum: Bin = { due: 0, good: 0, late: 0, refused: 0, lost: 0 };
  for (const bin of bins) for (const key of Object.keys(sum) as (keyof Bin)[]) sum[key] += bin[key];
  return sum;
}

/** How far the callers themselves were behind, ms. */
export function behind({ outcome }: Trial): number {
  return quantile(outcome.behind, 0.99);
}
