import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inRepository } from '../server/test/processes/harness.ts';
import { register } from '../server/test/processes/registered.ts';
import { fire, post, type Shot } from './load.ts';
import { cpuSeconds, residentBytes } from './process-cpu.ts';
import { SlipwayProcess } from './slipway.ts';

/**
 * Many small models, registered through the API with all their gates, or all but so many of them put into the folder
 * as a deploy would have left them; then asked for at random, every answer compared. What a deploy costs control and
 * lane, and what they hold. Usage: node bench/many.ts [models] [bytes for models] [through the API]
 */
const count = Number(process.argv[2] ?? 1000);
const memory = process.argv[3] ?? String(32 * 2 ** 20);
const throughApi = Math.min(count, Number(process.argv[4] ?? count));
const atOnce = 4;
const folder = mkdtempSync(join(tmpdir(), 'slipway-many-'));
const source = inRepository('spec/models/xgb_regression/model.json');
const { learner, version } = JSON.parse(readFileSync(source, 'utf8')) as {
  learner: { learner_model_param: { base_score: string } };
  version: number[];
};
const base = Number(JSON.parse(learner.learner_model_param.base_score));
const golden = JSON.parse(readFileSync(inRepository('spec/models/xgb_regression/golden.json'), 'utf8')) as {
  inputs: { data: number[][] }[];
};
const row = golden.inputs[0]!.data.find((values) => values.every(Number.isFinite))!;
const body = JSON.stringify({
  inputs: [{ name: 'X', datatype: 'FP32', shape: [1, row.length], data: row }],
});

/** Model k answers k more than model 0. */
function write(k: number): string {
  const file = join(folder, 'model.json');
  const learner_model_param = { ...learner.learner_model_param, base_score: `[${base + k}]` };
  writeFileSync(file, JSON.stringify({ learner: { ...learner, learner_model_param }, version }));
  return file;
}

const data = join(folder, 'data');
const there = Array.from({ length: count - throughApi }, (_, k) => k);
await register(
  data,
  (function* () {
    for (const k of there) yield { name: `model-${k}`, kind: 'xgboost', file: write(k) };
  })(),
);
const slipway = await SlipwayProcess.start('--data', data, '--model-memory', memory);
try {
  const pids = new Map((await slipway.processes()).map(({ name, pid }) => [name, pid]));
  const look = (): string =>
    ['lane-1', 'control', 'loops']
      .map((name) => `${name} ${(residentBytes(pids.get(name)!) / 2 ** 20).toFixed(0)} MB`)
      .join(', ');
  console.log(`${there.length} models are there: ${look()}`);
  for (let k = there.length; k < count; k += atOnce) {
    const before = ['control', 'lane-1'].map((name) => cpuSeconds(pids.get(name)!));
    const some = Array.from({ length: Math.min(atOnce, count - k) }, (_, i) => k + i);
    await Promise.all(some.map((one) => slipway.deploy(`model-${one}`, write(one))));
    const isReported = ((k - there.length) / atOnce) % Math.ceil(throughApi / atOnce / 5) === 0;
    if (!isReported && k + atOnce < count) continue;
    const [control, lane] = ['control', 'lane-1'].map(
      (name, i) => ((cpuSeconds(pids.get(name)!) - before[i]!) * 1000) / some.length,
    );
    console.log(
      `${k + some.length} models: a deploy took ${control!.toFixed(0)} ms of control's CPU and ${lane!.toFixed(0)} of the lane's; ${look()}`,
    );
  }
  let first = Number.NaN;
  const shotOf = (k: number): Shot => ({
    bytes: post(`/v2/models/model-${k}/infer`, body),
    check: ({ body: answer }) => {
      const { outputs } = JSON.parse(answer.toString()) as { outputs: { data: number[] }[] };
      const said = outputs[0]!.data[0]!;
      if (k === 0) first = said;
      if (Math.abs(said - first - k) > 1e-3) throw new Error(`model-${k} answered ${said}`);
    },
  });
  await fire(slipway.port, [shotOf(0)], 1, 0.1);
  const random = Array.from({ length: 5 * count }, () => shotOf(Math.floor(Math.random() * count)));
  for (let round = 0; round < 3; round++) {
    const { requests, wrong, firstWrong } = await fire(slipway.port, random, 8, 5);
    console.log(`asked at random: ${requests} requests, ${wrong} wrong ${firstWrong ?? ''}; ${look()}`);
  }
  const metrics = await slipway.metrics();
  console.log(metrics.match(/^slipway_(attach|evict)\w+ .*$/gm)?.join(', '));
} finally {
  await slipway.stop();
  rmSync(folder, { recursive: true, force: true });
}
