import { type ChildProcess, execFileSync, fork } from 'node:child_process';
import { once } from 'node:events';
import { fire, quantile, type Shot } from './load.ts';
import { type Bin, binMs, boundMs, type Order, type Outcome } from './overload/generator.ts';
import { cpuSeconds, residentBytes } from './process-cpu.ts';
import { startContenders } from './serving/contenders.ts';
import { shotsOf } from './serving/protocols.ts';

/**
 * More requests than a lane can answer. First its capacity (closed loop), then an open loop: half of that, so many
 * times it, and half again. Goodput is what is answered within 50 ms of when it was due, as a share of the capacity;
 * beside the floor, which knows no limits. Server and generator are kept on a core each where there are two.
 *
 *   node bench/overload.ts [scenario …]      SECONDS=4: of too much
 */
const seconds = Number(process.env.SECONDS ?? 4);
const calmSeconds = 2;
const capacitySeconds = 3;
const connections = 4;
/** Generators that are further behind than this measure themselves, ms. */
const behindMs = 5;

const all = [
  { name: 'forest-64', workload: 'forest', model: 'forest', rows: 64, times: [1.5, 2] },
  { name: 'runtime-64', workload: 'runtime', model: 'runtime', rows: 64, times: [2] },
  { name: 'logistic', workload: 'logistic', model: 'logistic', rows: 1, times: [1.5] },
] as const;
const wanted = process.argv.slice(2);
const { workloads, floor, floorPort, slipway, stop } = await startContenders();
const generator = fork(new URL('overload/generator.ts', import.meta.url), { serialization: 'advanced' });
try {
  const lane = (await slipway.processes()).find((one) => one.name === 'lane-1')!.pid;
  pin([floor.pid!, lane], 0);
  pin([generator.pid!, process.pid], 1);
  for (const { name, workload, model, rows, times } of all) {
    if (wanted.length > 0 && !wanted.includes(name)) continue;
    await slipway.deploy(model, workloads[workload].files[model]!);
    const datatype = await slipway.datatype(model);
    const shots = (of: string) => shotsOf('oip', workloads[workload], of, datatype, rows, 1e-4);
    for (const factor of times) {
      console.log(
        `${name}: ${rows} ${rows === 1 ? 'row' : 'rows'} a request, ${factor} times the capacity for ${seconds} s`,
      );
      await run('slipway', slipway.port, lane, shots(model), factor);
      await run('floor', floorPort, floor.pid!, shots(workload), factor);
    }
  }
} finally {
  generator.kill();
  await stop();
}

async function run(name: string, port: number, pid: number, shots: Shot[], factor: number): Promise<void> {
  const idle = cpuSeconds(pid);
  const closed = await fire(port, shots, connections, capacitySeconds);
  if (closed.refused > 0) throw new Error(`${name}: it refused ${closed.refused} requests of a closed loop.`);
  if (closed.wrong > 0) throw new Error(`${name}: ${closed.firstWrong}`);
  const capacity = closed.requests / closed.seconds;
  const cost = (cpuSeconds(pid) - idle) / closed.requests;
  const before = residentBytes(pid);
  let most = before;
  const look = setInterval(() => {
    most = Math.max(most, residentBytes(pid));
  }, binMs);
  const busy = cpuSeconds(pid);
  const calm = { rate: capacity / 2, seconds: calmSeconds };
  const outcome = await generate({
    port,
    requests: shots.map(({ bytes }) => bytes),
    phases: [calm, { rate: capacity * factor, seconds }, calm],
  });
  clearInterval(look);
  const used = cpuSeconds(pid) - busy;
  for (const { request, head, body } of outcome.samples)
    shots[request]!.check({ head, body: Buffer.from(body) });
  report(name, capacity, outcome, [before, most]);
  const { good, late, refused } = total(outcome.bins);
  // What does not depend on who else is busy on the machine.
  console.log(
    `    CPU: an answer ${(cost * 1e6).toFixed(0)} µs, a refusal ${(((used - (good + late) * cost) / refused) * 1e6).toFixed(0)} µs; ${share((good + late) * cost, used)} of it went into answers`,
  );
}

function share(count: number, of: number): string {
  return `${((100 * count) / of).toFixed(1)} %`;
}

async function generate(order: Order): Promise<Outcome> {
  generator.send(order);
  const [outcome] = (await once(generator as ChildProcess, 'message')) as [Outcome];
  return outcome;
}

function report(name: string, capacity: number, outcome: Outcome, [before, most]: number[]): void {
  const at = (second: number): number => Math.round((second * 1000) / binMs);
  const { bins } = outcome;
  const during = total(bins.slice(at(calmSeconds), at(calmSeconds + seconds)));
  const calm = total(bins.slice(0, at(calmSeconds)));
  const after = bins.slice(at(calmSeconds + seconds));
  // Recovered: from then on, nearly all are answered in time.
  const bad = after.findLastIndex(({ due, good }) => good < 0.9 * due);
  const behind = quantile(outcome.behind, 0.99);
  console.log(
    `  ${name.padEnd(8)} capacity ${capacity.toFixed(0)}/s; at half of it ${share(calm.good, calm.due)} in time; of ${(during.due / seconds).toFixed(0)}/s:`,
  );
  console.log(
    `    goodput ${share(during.good / seconds, capacity)} of the capacity; late ${share(during.late, during.due)}, refused ${share(during.refused, during.due)}, lost ${share(during.lost, during.due)}`,
  );
  console.log(
    `    p50 ${quantile(outcome.goodAfter, 0.5).toFixed(1)} ms, p99 ${quantile(outcome.goodAfter, 0.99).toFixed(1)} ms of those within ${boundMs} ms; refusals p50 ${quantile(outcome.refusedAfter, 0.5).toFixed(1)} ms, p99 ${quantile(outcome.refusedAfter, 0.99).toFixed(1)} ms`,
  );
  console.log(
    `    recovered ${bad + 1 < after.length ? `within ${(bad + 1) * binMs} ms` : 'not'}; memory ${mb(before!)} → ${mb(most!)} MB; ${outcome.connections} connections; generator p99 ${behind.toFixed(1)} ms behind${behind > behindMs ? ': IT WAS TOO SLOW' : ''}`,
  );
}

function total(bins: Bin[]): Bin {
  const sum: Bin = { due: 0, good: 0, late: 0, refused: 0, lost: 0 };
  for (const bin of bins) for (const key of Object.keys(sum) as (keyof Bin)[]) sum[key] += bin[key];
  return sum;
}

function mb(bytes: number): string {
  return (bytes / 2 ** 20).toFixed(0);
}

function pin(pids: number[], core: number): void {
  if (process.platform !== 'linux') return;
  for (const pid of pids) execFileSync('taskset', ['-apc', String(core), String(pid)], { stdio: 'ignore' });
}
