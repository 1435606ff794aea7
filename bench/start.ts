import { setTimeout as pause } from 'node:timers/promises';
import { electricity, inRepository } from '../server/test/processes/harness.ts';
import { fire, post, type Shot } from './load.ts';
import { cpuSeconds, residentBytes } from './process-cpu.ts';
import { SlipwayProcess } from './slipway.ts';

/**
 * Cold start: from the start of all processes, and from the kill of a lane, to the first answer; what starting took the
 * lane of CPU, and what it holds then. With one small model, with four compiled ones, and with one on onnxruntime
 * besides. Times on a shared machine are its neighbours', too. Then: from the upload of a new version to live, a while
 * after the one before.
 * Of the source as it is in the clone, or of the package as `npm run build` made it.
 * Usage: node bench/start.ts [rounds] [source | package]
 */
const rounds = Number(process.argv[2] ?? 5);
/** Between uploads, ms. */
const aWhileMs = 2000;
if (process.argv[3] === 'package') SlipwayProcess.program = inRepository('server/dist/cli/main.js');
const small = inRepository('examples/electricity/model.txt');
const spec = (name: string): string => inRepository(`spec/models/${name}`);

const { features } = electricity(9062, 9063)[0]!;
const shot: Shot = { bytes: post('/predict/small', JSON.stringify({ features })), check: () => {} };
const slipway = await SlipwayProcess.start();
try {
  await slipway.deploy('small', small);
  await cold('one small model');
  await slipway.deploy('xgboost', spec('xgb_regression/model.json'));
  await slipway.deploy('catboost', spec('cat_regression/model.cbm'));
  await slipway.deploy('linear', spec('sk_logit/model.onnx'));
  await cold('four small compiled models');
  await slipway.deploy('runtime', spec('onnx_mlp/model.onnx'));
  await cold('and one on onnxruntime');
  const times: number[] = [];
  for (let round = 0; round < rounds; round++) {
    // What is started ahead for the next one has started.
    await pause(aWhileMs);
    const begun = performance.now();
    await slipway.deploy('small', small);
    times.push(performance.now() - begun);
  }
  console.log(`a new version of a small model is live ${median(times)} ms after its upload began`);
} finally {
  await slipway.stop();
}

async function cold(models: string): Promise<void> {
  const [whole, lane, cpu, memory]: [number[], number[], number[], number[]] = [[], [], [], []];
  for (let round = 0; round < rounds; round++) {
    let begun = 0;
    await slipway.restart(() => {
      begun = performance.now();
    });
    await answered();
    whole.push(performance.now() - begun);
    const killed = await laneOf();
    begun = performance.now();
    process.kill(killed, 'SIGKILL');
    await answered();
    lane.push(performance.now() - begun);
    const pid = await laneOf(killed);
    cpu.push(cpuSeconds(pid) * 1000);
    memory.push(residentBytes(pid) / 2 ** 20);
  }
  console.log(
    `${models}: first answer ${median(whole)} ms after the start of all processes, ${median(lane)} ms after the kill of a lane; the new one took ${median(cpu)} ms of CPU and holds ${median(memory)} MB`,
  );
}

function median(values: number[]): string {
  return values.sort((a, b) => a - b)[values.length >> 1]!.toFixed(0);
}

/** Of a lane that is not the one that was killed. */
async function laneOf(killed = 0): Promise<number> {
  for (;;) {
    const { pid } = (await slipway.processes()).find(({ name }) => name === 'lane-1')!;
    if (pid > 0 && pid !== killed) return pid;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** A connection waits in the supervisor's socket until there is a lane; one that was taken by a lane that is killed is tried again. */
async function answered(): Promise<void> {
  for (;;) {
    const load = await fire(slipway.port, [shot], 1, 0.001).catch(() => null);
    if (load && load.requests > 0) {
      if (load.firstWrong) throw new Error(load.firstWrong);
      return;
    }
  }
}
