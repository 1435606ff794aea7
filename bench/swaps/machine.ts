import { setTimeout as pause } from 'node:timers/promises';
import { threadCpu } from '../../server/src/thread-cpu.ts';

const values = new Float64Array(4096);

function work(steps: number): number {
  let sum = 0;
  for (let i = 0; i < steps; i++) sum += Math.sqrt(values[i & 4095]! + i);
  return sum;
}

/**
 * What the machine makes of the same piece of work, a millisecond long and without any memory of its own, over and over:
 * CPU time of each, ms. A virtual machine that is held up by its host counts that as CPU time of whoever ran.
 */
export async function machineTurns(seconds: number): Promise<number[]> {
  let steps = 100_000;
  for (let i = 0; i < 200; i++) work(steps);
  const tried = threadCpu();
  for (let i = 0; i < 100; i++) work(steps);
  steps = Math.round((100 * steps) / (threadCpu() - tried));
  const turns: number[] = [];
  const until = performance.now() + seconds * 1000;
  while (performance.now() < until) {
    const before = threadCpu();
    work(steps);
    turns.push(threadCpu() - before);
    await pause(1);
  }
  return turns;
}
