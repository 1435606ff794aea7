import type { Shot } from './load.ts';
import { canPin, othersShare, pin, reading } from './overload/core.ts';
import { type Capacity, report, summary, type Told, type Verdict, verdict } from './overload/report.ts';
import { callersCore, Generator, rest, type Server, serverCore, total } from './overload/trial.ts';
import { startContenders } from './serving/contenders.ts';
import { shotsOf } from './serving/protocols.ts';
import { median } from './serving/report.ts';
import { forest } from './serving/workloads.ts';

/**
 * More requests than a lane can answer. Its capacity is measured by a closed loop before and after each trial: answers
 * a CPU second of the lane. A trial is an open loop: half of the capacity (the median of what has been found), so many
 * times it, and half again. Goodput is what is answered within 50 ms of when it was due, as a share of the capacity;
 * beside the floor, which knows no limits. The lane is kept on one core, everything else on the other; a trial for which
 * that did not hold is void, and it is said why. The machine's own speed changes within a trial, up as often as down: what
 * counts where there is a goal is the ratio of the medians over many trials, with its interval.
 *
 *   node bench/overload.ts [scenario …]      SECONDS=4: of too much; TRIALS=20
 */
const seconds = Number(process.env.SECONDS ?? 4);
const trials = Number(process.env.TRIALS ?? 20);
const calmSeconds = 1.5;
const capacitySeconds = 1.5;
const warmSeconds = 3;
/** So many times as many are tried, void ones included. */
const patience = 1.5;

const goals = [
  [1, null],
  [1.5, 0.9],
  [2, 0.9],
] as const;
const all = [
  {
    name: 'trees-2',
    what: 'two rows for 3,000 trees, 0.2 ms, 1 kB',
    workload: 'trees',
    model: 'trees',
    rows: 2,
    callers: 8,
    connections: 512,
    goals,
  },
  {
    name: 'trees-2-new',
    what: 'the same, each request on a connection of its own',
    workload: 'trees',
    model: 'trees',
    rows: 2,
    callers: 8,
    connections: 0,
    goals: [[2, null]],
  },
  {
    name: 'forest-64',
    what: '64 rows for 200 trees, 0.3 ms, 20 kB',
    workload: 'forest',
    model: 'forest',
    rows: 64,
    callers: 8,
    connections: 512,
    goals,
  },
  {
    name: 'logistic',
    what: 'a row for a linear model, 20 µs',
    workload: 'logistic',
    model: 'logistic',
    rows: 1,
    callers: 32,
    connections: 2048,
    goals: [
      [1, null],
      [1.5, 0.4],
      [2, null],
    ],
  },
  {
    name: 'runtime-64',
    what: '64 rows for a perceptron in onnxruntime, 80 kB',
    workload: 'runtime',
    model: 'runtime',
    rows: 64,
    callers: 8,
    connections: 512,
    goals: [[2, 0.9]],
  },
] as const;
const wanted = process.argv.slice(2);
if (!canPin)
  console.log(
    'No taskset or a single core here: server and callers take each other’s time, and the figures are void.',
  );
const { workloads, floor, floorPort, slipway, stop } = await startContenders((folder) => ({
  trees: forest(folder, 'trees', 3000),
}));
const generator = new Generator();
const verdicts: Verdict[] = [];
try {
  const processes = await slipway.processes();
  const lane = processes.find(({ name }) => name === 'lane-1')!.pid;
  for (const { pid } of processes) pin(pid, pid === lane ? serverCore : callersCore);
  pin(floor.pid!, serverCore);
  pin(process.pid, callersCore);
  for (const { name, what, workload, model, rows, callers, connections, goals } of all) {
    if (wanted.length > 0 && !wanted.includes(name)) continue;
    await slipway.deploy(model, workloads[workload].files[model]!);
    const datatype = await slipway.datatype(model);
    console.log(`${name}: ${what}`);
    for (const server of [
      { name: 'slipway', port: slipway.port, pid: lane },
      { name: 'floor', port: floorPort, pid: floor.pid! },
    ]) {
      const shots = shotsOf(
        'oip',
        workloads[workload],
        server.name === 'slipway' ? model : workload,
        datatype,
        rows,
        1e-4,
      );
      await generator.run(server, shots, connections, [{ callers, seconds: warmSeconds }]);
      let before = await capacity(server, shots, callers, connections);
      const found = [before.rate];
      for (const [factor, goal] of goals) {
        const aim = server.name === 'slipway' ? goal : null;
        const wantedTrials = aim === null ? 1 : trials;
        const made: Told[] = [];
        do {
          const usual = median(found);
          const phases = [usual / 2, usual * factor, usual / 2].map((rate, k) => ({
            rate,
            seconds: k === 1 ? seconds : calmSeconds,
          }));
          const start = reading(generator.pid, callersCore);
          const trial = await generator.run(server, shots, connections, phases);
          const callersOthers = othersShare(start, reading(generator.pid, callersCore));
          const after = await capacity(server, shots, callers, connections);
          made.push(report({ server, factor, before, after, trial, callersOthers }));
          found.push(after.rate);
          before = after;
        } while (
          made.filter(({ voids }) => voids.length === 0).length < wantedTrials &&
          made.length < patience * wantedTrials
        );
        verdicts.push(verdict(`${name} ${server.name} ${factor}×`, aim, made));
      }
    }
  }
} finally {
  generator.stop();
  await stop();
}
summary(verdicts);

async function capacity(
  server: Server,
  shots: Shot[],
  callers: number,
  connections: number,
): Promise<Capacity> {
  await rest(server.pid);
  const trial = await generator.run(server, shots, connections, [{ callers, seconds: capacitySeconds }]);
  const [{ bins, from, to }] = trial.phases as [(typeof trial.phases)[0]];
  const { due, good, late } = total(bins);
  const cpu = to.cpu - from.cpu;
  return {
    rate: (good + late) / cpu,
    cost: cpu / (good + late),
    failed: due - callers - good - late,
    from,
    to,
  };
}
