import { type ChildProcess, fork } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Slipway } from '../server/test/processes/harness.ts';
import { fire, type Load, post, quantile, type Shot } from './load.ts';
import { cpuSeconds } from './process-cpu.ts';

/**
 * One lane of Slipway, everything on, beside the floor (bare node:http + onnxruntime-node) on the same
 * 30-feature logistic model: requests/s, p50, p99, requests per CPU second; by turns in one run, the same
 * bytes to both, every answer compared. At the end the journal's and the monitors' counts must equal the answers.
 */
const rounds = Number(process.env.ROUNDS ?? 6);
const seconds = Number(process.env.SECONDS ?? 5);
const connections = Number(process.env.CONNECTIONS ?? 16);
const distinctRows = 10_000;

const fixtures = new URL('../spec/models/sk_logit/', import.meta.url);
const onnx = new URL('model.onnx', fixtures).pathname;
const learner = new URL('logit-30.json', import.meta.url).pathname;
const { features: names, rows, expected } = makeRows();

const folder = mkdtempSync(join(tmpdir(), 'slipway-bench-'));
writeFileSync(join(folder, 'features.json'), JSON.stringify(names));
const floor = fork(new URL('floor.ts', import.meta.url), [onnx, join(folder, 'features.json')]);
const floorPort = await new Promise<number>((resolve) => {
  floor.once('message', (message) => resolve((message as { port: number }).port));
});
const baseline = join(folder, 'train.csv');
writeFileSync(
  baseline,
  `${[...names, 'label'].join(',')}\n${rows
    .slice(0, 2000)
    .map((row, i) => [...row, expected[i]! > 0.5 ? 1 : 0].join(','))
    .join('\n')}\n`,
);
const slipway = await Slipway.start({ heartbeatMs: 60_000 });

interface Contender {
  name: string;
  port: number;
  path: string;
  pid: () => Promise<number>;
  tolerance: number;
  loads: Load[];
  cpu: number[];
}
const lanePid = async () => (await slipway.processNamed('lane-1')).pid;
const slipwayPort = Number(new URL(slipway.dataPlane).port);
const contenders: Contender[] = [
  {
    name: 'floor',
    port: floorPort,
    path: '/predict/logit',
    pid: async () => floor.pid!,
    tolerance: 1e-5,
    loads: [],
    cpu: [],
  },
];
for (const [name, file] of [
  ['logistic', learner],
  ['onnx', onnx],
] as const) {
  const { status, body } = await slipway.deploy(name, file, { baseline, label: 'label' });
  if (status !== 201) throw new Error(`Deploying ${name}: ${JSON.stringify(body)}`);
  contenders.push({
    name: `slipway ${name}`,
    port: slipwayPort,
    path: `/predict/${name}`,
    pid: lanePid,
    tolerance: 1e-5,
    loads: [],
    cpu: [],
  });
}

try {
  for (let round = -1; round < rounds; round++) {
    for (const contender of contenders) {
      const pid = await contender.pid();
      const before = cpuSeconds(pid);
      const load = await fire(contender.port, shots(contender), connections, round < 0 ? 2 : seconds);
      const cpu = cpuSeconds(pid) - before;
      if (load.wrong > 0)
        throw new Error(`${contender.name}: ${load.wrong} wrong answers, first: ${load.firstWrong}`);
      // The first round warms both.
      if (round < 0) {
        contender.loads.push(load);
        continue;
      }
      contender.loads.push(load);
      contender.cpu.push(load.requests / cpu);
    }
  }
  await checkCounts();
  report(contenders);
} finally {
  stop(floor);
  await slipway.end();
  rmSync(folder, { recursive: true, force: true });
}

function shots(contender: Contender): Shot[] {
  return rows.map((row, i) => ({
    bytes: post(
      contender.path,
      `{"features":{${names.map((name, k) => `${JSON.stringify(name)}:${row[k]}`).join(',')}}}`,
    ),
    check: (body) => {
      const answer = JSON.parse(body) as { probabilities: Record<string, number> };
      const p = answer.probabilities['1']!;
      if (Math.abs(p - expected[i]!) > contender.tolerance)
        throw new Error(`Row ${i}: ${p}, not ${expected[i]}`);
    },
  }));
}

/** The figure is void unless the journal and the monitors have seen exactly what was answered. */
async function checkCounts(): Promise<void> {
  for (const contender of contenders.slice(1)) {
    const model = contender.path.slice('/predict/'.length);
    const answered = contender.loads.reduce((sum, load) => sum + load.requests, 0);
    let counted = -1;
    for (let look = 0; look < 600 && counted !== answered; look++) {
      counted = (await slipway.api<{ traffic: { predictions: number } }>('GET', `/api/models/${model}`)).body
        .traffic.predictions;
      if (counted !== answered) await new Promise((resolve) => setTimeout(resolve, 100));
    }
    if (counted !== answered)
      throw new Error(
        `${contender.name}: answered ${answered}, journaled and folded ${counted}. Figures void.`,
      );
  }
}

function report(all: Contender[]): void {
  const median = (values: number[]) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)]!;
  const figures = all.map((one) => {
    const measured = one.loads.slice(1);
    return {
      name: one.name,
      rate: median(measured.map((load) => load.requests / load.seconds)),
      perCpu: median(one.cpu),
      p50: median(measured.map((load) => quantile(load.latencies, 0.5))),
      p99: median(measured.map((load) => quantile(load.latencies, 0.99))),
    };
  });
  const base = figures[0]!;
  console.log(
    `One row of a 30-feature logistic model, ${connections} connections, ${rounds} rounds of ${seconds} s by turns, medians.`,
  );
  for (const one of figures) {
    console.log(
      `${one.name.padEnd(18)} ${one.rate.toFixed(0).padStart(7)} requests/s  ${one.perCpu.toFixed(0).padStart(7)} per CPU second  p50 ${one.p50.toFixed(2)} ms  p99 ${one.p99.toFixed(2)} ms` +
        (one === base
          ? ''
          : `   ${(one.perCpu / base.perCpu).toFixed(2)}× the floor per CPU second, p99 ${(one.p99 / base.p99).toFixed(2)}×`),
    );
  }
}

/** Distinct rows scattered around the golden rows, and what onnxruntime-free arithmetic says of them. */
function makeRows(): { features: string[]; rows: number[][]; expected: number[] } {
  const artifact = JSON.parse(readFileSync(learner, 'utf8')) as {
    features: string[];
    state: { mean: number[]; variance: number[]; weights: number[]; intercept: number };
  };
  const { mean, variance, weights, intercept } = artifact.state;
  let seed = 7;
  const random = () => {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
    return seed / 2 ** 32;
  };
  const made: number[][] = [];
  const answers: number[] = [];
  for (let i = 0; i < distinctRows; i++) {
    // float32 values, so that both servers see exactly the same numbers.
    const row = mean.map((m, k) => Math.fround(m + (random() * 2 - 1) * Math.sqrt(variance[k]!)));
    let z = intercept;
    for (let k = 0; k < row.length; k++) z += (weights[k]! * (row[k]! - mean[k]!)) / Math.sqrt(variance[k]!);
    made.push(row);
    answers.push(1 / (1 + Math.exp(-z)));
  }
  return { features: artifact.features, rows: made, expected: answers };
}

function stop(child: ChildProcess): void {
  child.kill();
}
