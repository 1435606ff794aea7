import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fire, type Shot } from './load.ts';
import { cpuSeconds } from './process-cpu.ts';
import { shotsOf } from './serving/protocols.ts';
import { report, type Series } from './serving/report.ts';
import { logistic } from './serving/workloads.ts';
import { SlipwayProcess } from './slipway.ts';

/**
 * What traces cost a lane: no exporter is configured; one is, and no request is recorded, one in a hundred is, all are.
 * One row of the logistic model over /predict, every request with a traceparent, by turns in windows of one run, every
 * answer compared. The collector must have got what was recorded, or its loss is said.
 *
 *   node bench/traces.ts      ROUNDS=10 SECONDS=2 CONNECTIONS=16
 */
const rounds = Number(process.env.ROUNDS ?? 10);
const seconds = Number(process.env.SECONDS ?? 2);
const connections = Number(process.env.CONNECTIONS ?? 16);
const warmSeconds = 1.5;

/** Takes what it is sent, and says nothing. */
const collector = createServer((request, response) => {
  request.resume().on('end', () => response.writeHead(200).end());
}).listen(0, '127.0.0.1');
await once(collector, 'listening');
const { port } = collector.address() as AddressInfo;

const workload = logistic();
const model = 'logistic';
const bare = await SlipwayProcess.start();
const traced = await SlipwayProcess.start('--otlp-endpoint', `http://127.0.0.1:${port}`);
try {
  for (const slipway of [bare, traced]) await slipway.deploy(model, workload.files[model]!);
  const shots = shotsOf('predict', workload, model, 'FP64', 1, 1e-5);
  const contenders = [
    contender('no exporter', bare, () => true),
    contender('none recorded', traced, () => false),
    contender('1 in 100', traced, (i) => i % 100 === 0),
    contender('all recorded', traced, () => true),
  ];
  const answered = new Map([bare, traced].map((slipway) => [slipway, 0]));
  const before = await bare.cpu();
  // The first round warms all.
  for (let round = -1; round < rounds; round++) {
    for (const { slipway, recorded, series } of contenders) {
      const lane = (await slipway.processes()).find(({ name }) => name === 'lane-1')!.pid;
      const cpu = cpuSeconds(lane);
      const aimed = shots.map((shot, i) => withTrace(shot, recorded(i)));
      const load = await fire(slipway.port, aimed, connections, round < 0 ? warmSeconds : seconds);
      if (load.wrong > 0) throw new Error(`${load.wrong} wrong answers: ${load.firstWrong}`);
      answered.set(slipway, answered.get(slipway)! + load.requests);
      if (round < 0) continue;
      series.cpu.push(cpuSeconds(lane) - cpu);
      series.loads.push(load);
    }
  }
  const after = await bare.cpu();
  for (const [slipway, requests] of answered) await slipway.counted(model, requests);
  const requests = answered.get(bare)!;
  report(
    `one lane, ${connections} at once, ${rounds} windows of ${seconds} s each by turns, medians`,
    contenders.map(({ series }) => series),
    { lanes: (after.lanes - before.lanes) / requests, all: (after.all - before.all) / requests },
  );
  console.log(`  ${(await traced.metrics()).match(/^slipway_spans_total\{.*$/gm)?.join(', ')}`);
} finally {
  await Promise.all([bare.stop(), traced.stop()]);
  collector.close();
}

function contender(name: string, slipway: SlipwayProcess, recorded: (shot: number) => boolean) {
  const series: Series = { name, loads: [], cpu: [] };
  return { slipway, recorded, series };
}

/** The same request from a caller who has a trace. */
function withTrace({ bytes, check }: Shot, isRecorded: boolean): Shot {
  const text = bytes.toString('latin1');
  const line = `traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0${isRecorded ? 1 : 0}`;
  return { bytes: Buffer.from(text.replace('\r\n', `\r\n${line}\r\n`), 'latin1'), check };
}
