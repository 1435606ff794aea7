import type { Model } from '../models/model.ts';

/** The first of a kind costs more, and some kernels count CPU time in steps of 4 ms: the shortest of so many counts. */
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
  const began = cpuMilliseconds();
  let { made: model, longestTurn } = await watched(attach);
  for (let tries = 1; tries < most.tries && longestTurn > affordable; tries++) {
    if (cpuMilliseconds() - began > most.milliseconds) break;
    const again = await watched(attach);
    await again.made.close?.();
    longestTurn = Math.min(longestTurn, again.longestTurn);
  }
  return { model, longestTurn };
}

/** Turns end with the event loop's check phase, where immediates run. */
async function watched<T>(work: () => Promise<T>): Promise<{ made: T; longestTurn: number }> {
  let isDone = false;
  let since = cpuMilliseconds();
  let longestTurn = 0;
  const turn = (): void => {
    const now = cpuMilliseconds();
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

function cpuMilliseconds(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
}
