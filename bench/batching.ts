import { fire } from './load.ts';
import { cpuSeconds } from './process-cpu.ts';
import { shotsOf } from './serving/protocols.ts';
import { report, type Series } from './serving/report.ts';
import { runtime } from './serving/workloads.ts';
import { SlipwayProcess } from './slipway.ts';

/**
 * Requests of one row for a graph in onnxruntime, on one lane, everything on: each a call of its own (`unmerged`),
 * merged where they wait anyway (`natural`, the default), and made to wait for others (`waiting 1 ms`). By turns in
 * windows of one run, the same bytes, every answer compared; the journal's and the monitors' counts must equal the
 * answers.
 *
 *   node bench/batching.ts [connections …]      ROUNDS=6 SECONDS=2: windows a contender, and their length
 */
const rounds = Number(process.env.ROUNDS ?? 6);
const seconds = Number(process.env.SECONDS ?? 2);
const warmSeconds = 1.5;
const given = process.argv.slice(2).map(Number);
const connectionCounts = given.length > 0 ? given : [1, 16, 64];

const workload = await runtime();
const file = workload.files.runtime!;
const models = {
  unmerged: { batching: 'off' },
  natural: { batching: 'auto' },
  'waiting 1 ms': { batching: { maxDelayMs: 1 } },
} as const;
const slipway = await SlipwayProcess.start();
const answered = new Map<string, number>();
try {
  for (const [name, serving] of Object.entries(models)) {
    await slipway.deploy(modelOf(name), file);
    await slipway.tune(modelOf(name), serving);
    answered.set(name, 0);
  }
  for (const connections of connectionCounts) await run(connections);
} finally {
  await slipway.stop();
}

function modelOf(name: string): string {
  return name.replaceAll(' ', '-');
}

async function run(connections: number): Promise<void> {
  const lane = (await slipway.processes()).find((one) => one.name === 'lane-1')!.pid;
  const all: (Series & { calls: number; rows: number; refused: number })[] = Object.keys(models).map(
    (name) => ({
      name,
      loads: [],
      cpu: [],
      calls: 0,
      rows: 0,
      refused: 0,
    }),
  );
  const [cpuBefore, rowsBefore] = [await slipway.cpu(), total()];
  // The first round warms all.
  for (let round = -1; round < rounds; round++) {
    for (const one of all) {
      const model = modelOf(one.name);
      const shots = shotsOf('oip', workload, model, 'FP32', 1, 1e-5);
      const [cpu, counts] = [cpuSeconds(lane), await slipway.executions(model)];
      const load = await fire(slipway.port, shots, connections, round < 0 ? warmSeconds : seconds);
      if (load.wrong > 0) throw new Error(`${one.name}: ${load.wrong} wrong answers: ${load.firstWrong}`);
      answered.set(one.name, answered.get(one.name)! + load.requests);
      if (round < 0) continue;
      one.cpu.push(cpuSeconds(lane) - cpu);
      one.loads.push(load);
      const { calls, rows } = await slipway.executions(model);
      one.calls += calls - counts.calls;
      one.rows += rows - counts.rows;
      one.refused += load.refused;
    }
  }
  for (const [name, rows] of answered) await slipway.counted(modelOf(name), rows);
  const cpuAfter = await slipway.cpu();
  const requests = total() - rowsBefore;
  report(`${connections} at once, ${rounds} windows of ${seconds} s each by turns, medians`, all, {
    lanes: (cpuAfter.lanes - cpuBefore.lanes) / requests,
    all: (cpuAfter.all - cpuBefore.all) / requests,
  });
  const sizes = all.map(({ name, calls, rows }) => `${name} ${(rows / calls).toFixed(1)}`);
  console.log(`  rows a call: ${sizes.join(', ')}`);
  const refused = all.filter((one) => one.refused > 0).map((one) => `${one.name} ${one.refused}`);
  if (refused.length > 0) console.log(`  refused, because there was too much to do: ${refused.join(', ')}`);
}

function total(): number {
  return [...answered.values()].reduce((sum, count) => sum + count, 0);
}
