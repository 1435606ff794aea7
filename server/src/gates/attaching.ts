import type { Model } from '../models/model.ts';
import { threadCpu } from '../thread-cpu.ts';

/** The first of a kind costs more, and a machine that its host holds up counts that as well: the shortest of so many. */
const most = { tries: 5, milliseconds: 500 };

/**
 * Attaches a version as a lane does, and says for how long that holds an event loop at a stretch, ms: onnxruntime makes
 * a session in one turn. In CPU time, because others want the machine too. It is done again, and thrown away, while it
 * takes longer than `affordable`.
 */
export async function attachWatched<T extends Model>(
  attach: () => Promise<T>,
  affordable: number,
): Promise<{ model: T; longestTurn: number }> {
  const began = threadCpu();
  let { made: model, longestTurn } = await watched(attach);
  for (let tries = 1; tries < most.tries && longestTurn > affordable; tries++) {
    if (threadCpu() - began > most.milliseconds) break;
    const again = await watched(attach);
    await again.made.close?.();
    longestTurn = Math.min(longestTurn, again.longestTurn);
  }
  return { model, longestTurn };
}

/** Turns end with the event loop's check phase, where immediates run. */
async function watched<T>(work: () => Promise<T>): Promise<{ made: T; longestTurn: number }> {
  let isDone = false;
  let since = threadCpu();
  let longestTurn = 0;
  const turn = (): void => {
    const now = threadCpu();
    longestTurn = Math.max(longestTurn, now - since);
    since = now;
  };
  const watch = (): void => {
    turn();
    if (!isDone) setImmediate(watch);
  };
  setImmediate(watch);
  try {
    const made = await work();
    turn();
    return { made, longestTurn };
  } finally {
    isDone = true;
  }
}
