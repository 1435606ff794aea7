import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fire, type Load, type Shot } from './load.ts';
import { fireGrpc } from './load-grpc.ts';
import { cpuSeconds } from './process-cpu.ts';
import { startContenders } from './serving/contenders.ts';
import { type ProtocolName, shotsOf } from './serving/protocols.ts';
import { report, type Series } from './serving/report.ts';
import { type Scenario, scenarios } from './serving/scenarios.ts';
import type { Workload } from './serving/workloads.ts';

/**
 * One lane of Slipway, everything on, beside the floor (bare node:http + onnxruntime-node) on the same model: by
 * turns in windows of one run, the same bytes to both, every answer compared. At the end the journal's and the
 * monitors' counts must equal the answers, else the figures are void.
 *
 *   node bench/serving.ts [scenario …]      ROUNDS=6 SECONDS=2: windows a contender, and their length
 */
const rounds = Number(process.env.ROUNDS ?? 6);
const seconds = Number(process.env.SECONDS ?? 2);
const warmSeconds = 1.5;
const inferMethod = '/inference.GRPCInferenceService/ModelInfer';

const wanted = process.argv.slice(2);
const unknown = wanted.filter((name) => !scenarios.some((one) => one.name === name));
if (unknown.length > 0)
  throw new Error(`No scenario ${unknown}: ${scenarios.map((one) => one.name).join(', ')}`);

const { workloads, folder, floor, floorPort, slipway, stop } = await startContenders();
const answered: { [model: string]: number } = {};
const datatypes: { [model: string]: string } = {};
try {
  for (const workload of Object.values(workloads)) {
    for (const [model, file] of Object.entries(workload.files)) {
      await slipway.deploy(model, file, baselineOf(workload));
      datatypes[model] = await slipway.datatype(model);
      answered[model] = 0;
    }
  }
  for (const scenario of scenarios)
    if (wanted.length === 0 || wanted.includes(scenario.name)) await run(scenario);
} finally {
  await stop();
}

interface Contender extends Series {
  pid: number;
  fire: (seconds: number) => Promise<Load>;
}

async function run(scenario: Scenario): Promise<void> {
  const { name, rows, connections } = scenario;
  const models = Object.keys(workloads[scenario.workload].files);
  const lane = (await slipway.processes()).find((one) => one.name === 'lane-1')!.pid;
  const contenders = [onFloor(scenario, models[0]!), ...models.map((model) => onLane(scenario, model, lane))];
  const [cpuBefore, rowsBefore] = [await slipway.cpu(), sum(answered)];
  // The first round warms all.
  for (let round = -1; round < rounds; round++) {
    for (const one of contenders) {
      const before = cpuSeconds(one.pid);
      const load = await one.fire(round < 0 ? warmSeconds : seconds);
      const cpu = cpuSeconds(one.pid) - before;
      if (load.refused > 0)
        throw new Error(`${one.name}: it refused ${load.refused} requests. Figures void.`);
      if (load.wrong > 0) throw new Error(`${one.name}: ${load.wrong} wrong answers: ${load.firstWrong}`);
      if (round >= 0) {
        one.loads.push(load);
        one.cpu.push(cpu);
      }
    }
  }
  for (const model of models) await slipway.counted(model, answered[model]!);
  const cpuAfter = await slipway.cpu();
  const requests = (sum(answered) - rowsBefore) / rows;
  report(
    `${name}: ${rows} ${rows === 1 ? 'row' : 'rows'} a request, ${connections} at once, ${rounds} windows of ${seconds} s each by turns, medians`,
    contenders,
    {
      lanes: (cpuAfter.lanes - cpuBefore.lanes) / requests,
      all: (cpuAfter.all - cpuBefore.all) / requests,
    },
  );
}

/** `model`: whose datatype the floor is sent, so that both get the same bytes. */
function onFloor(scenario: Scenario, model: string): Contender {
  const { protocol, beside = protocol, workload, connections } = scenario;
  const shots = shotsFor(scenario, beside, workload, datatypes[model]!, 1e-4);
  return {
    name: 'floor',
    pid: floor.pid!,
    fire: (long) => fire(floorPort, shots, connections, long),
    loads: [],
    cpu: [],
  };
}

function onLane(scenario: Scenario, model: string, pid: number): Contender {
  const { protocol, connections, rows } = scenario;
  const shots = shotsFor(scenario, protocol, model, datatypes[model]!, 1e-5);
  return {
    name: `slipway ${model}`,
    pid,
    fire: async (long) => {
      const load =
        protocol === 'grpc'
          ? await fireGrpc(slipway.grpcPort, inferMethod, shots, connections, long)
          : await fire(slipway.port, shots, connections, long);
      answered[model]! += load.requests * rows;
      return load;
    },
    loads: [],
    cpu: [],
  };
}

function shotsFor(
  { workload, rows }: Scenario,
  protocol: ProtocolName,
  model: string,
  datatype: string,
  tolerance: number,
): Shot[] {
  return shotsOf(protocol, workloads[workload], model, datatype, rows, tolerance);
}

function sum(counts: { [model: string]: number }): number {
  return Object.values(counts).reduce((total, count) => total + count, 0);
}

/** The first 2,000 rows as training data, so that every monitor is fed. */
function baselineOf({ name, features, values, expected, target }: Workload) {
  if (!target) return undefined;
  const file = join(folder, `${name}.csv`);
  const lines = Array.from({ length: 2000 }, (_, row) =>
    [...values.subarray(row * features.length, (row + 1) * features.length), target(expected[row]!)].join(),
  );
  writeFileSync(file, `${[...features, 'label'].join()}\n${lines.join('\n')}\n`);
  return { file, label: 'label' };
}
