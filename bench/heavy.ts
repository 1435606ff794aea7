import { inRepository } from '../server/test/processes/harness.ts';
import { fire, type Load, post, quantile, type Shot } from './load.ts';
import { cpuSeconds } from './process-cpu.ts';
import { shotsOf } from './serving/protocols.ts';
import { report, type Series } from './serving/report.ts';
import { runtime } from './serving/workloads.ts';
import { SlipwayProcess } from './slipway.ts';

/**
 * A small graph in onnxruntime, in one lane, alone and beside one whose calls take a tenth of a second and that is never
 * idle; by turns in windows of one run, every answer compared. Then what the way to a scorer and back costs: a graph
 * with a Loop of one round.
 *
 *   node bench/heavy.ts      ROUNDS=20 SECONDS=5: windows a contender, and their length; CONNECTIONS=4
 */
const rounds = Number(process.env.ROUNDS ?? 20);
const seconds = Number(process.env.SECONDS ?? 5);
const connections = Number(process.env.CONNECTIONS ?? 4);
const warmSeconds = 1.5;
/** Callers of the slow graph: one more than it takes at a time. */
const slowCallers = 2;
/** Rounds of its Loop that take about a tenth of a second. */
const slowRounds = 70_000;

const workload = await runtime();
const slipway = await SlipwayProcess.start();
try {
  await slipway.deploy('small', workload.files.runtime!);
  await slipway.deploy('slow', inRepository('spec/models/onnx_loop_from_input/model.onnx'));
  await wayToScorer(await besideSlow());
} finally {
  await slipway.stop();
}

async function pidOf(name: string): Promise<number> {
  return (await slipway.processes()).find((one) => one.name === name)!.pid;
}

/** CPU seconds of the lane for a request of the small one, alone. */
async function besideSlow(): Promise<number> {
  const lane = await pidOf('lane-1');
  const shots = shotsOf('oip', workload, 'small', 'FP32', 1, 1e-5);
  const all: Series[] = ['alone', 'beside 100 ms'].map((name) => ({ name, loads: [], cpu: [] }));
  const slow: Load[] = [];
  const before = await slipway.cpu();
  let requests = 0;
  // The first round warms all.
  for (let round = -1; round < rounds; round++) {
    for (const one of all) {
      const long = round < 0 ? warmSeconds : seconds;
      const cpu = cpuSeconds(lane);
      const beside = one === all[0] ? null : fire(slipway.port, [loopShot(slowRounds)], slowCallers, long);
      const load = checked(await fire(slipway.port, shots, connections, long));
      requests += load.requests;
      if (beside) slow.push(checked(await beside));
      if (round < 0) continue;
      one.cpu.push(cpuSeconds(lane) - cpu);
      one.loads.push(load);
    }
  }
  const after = await slipway.cpu();
  report(`one lane, ${connections} at once, ${rounds} windows of ${seconds} s each by turns, medians`, all, {
    lanes: (after.lanes - before.lanes) / requests,
    all: (after.all - before.all) / requests,
  });
  const calls = slow.reduce((sum, load) => sum + load.requests, 0);
  const time = slow.reduce((sum, load) => sum + load.seconds, 0);
  console.log(`  the slow one meanwhile: ${(calls / time).toFixed(1)} requests/s`);
  const [alone] = all;
  const sum = (values: number[]): number => values.reduce((total, one) => total + one, 0);
  return sum(alone!.cpu) / sum(alone!.loads.map((load) => load.requests));
}

async function wayToScorer(inLane: number): Promise<void> {
  const [lane, scorer] = [await pidOf('lane-1'), await pidOf('scorer-slow-1')];
  const shots = [loopShot(1)];
  await fire(slipway.port, shots, 1, warmSeconds);
  for (const callers of [1, connections]) {
    const before = [cpuSeconds(lane), cpuSeconds(scorer)] as const;
    const { requests, latencies } = checked(await fire(slipway.port, shots, callers, seconds));
    const cost = (now: number, then: number) => (now - then) / requests / inLane;
    const [there, here] = [cost(cpuSeconds(scorer), before[1]), cost(cpuSeconds(lane), before[0])];
    console.log(
      `one quick call of a scorer, ${callers} at once: p50 ${quantile(latencies, 0.5).toFixed(2)} ms; CPU of a small graph's request in the lane: ${here.toFixed(2)}× in the lane and ${there.toFixed(2)}× in the scorer`,
    );
  }
}

function loopShot(loops: number): Shot {
  const body = JSON.stringify({ features: { x: 0.5, rounds: loops } });
  return {
    bytes: post('/predict/slow', body),
    check: (answer) => {
      // x / 2 + 1 / 4 of a half is a half.
      const { prediction } = JSON.parse(answer.body.toString()) as { prediction: number };
      if (prediction !== 0.5) throw new Error(`answered ${prediction}`);
    },
  };
}

function checked(load: Load): Load {
  if (load.wrong > 0) throw new Error(`${load.wrong} wrong answers: ${load.firstWrong}`);
  return load;
}
