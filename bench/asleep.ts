import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import { inRepository } from '../server/test/processes/harness.ts';
import { seeded } from '../server/test/stats/seeded.ts';
import { quantile } from './load.ts';
import { SlipwayProcess } from './slipway.ts';

/**
 * More versions with processes of their own than these have memory for: callers who ask one of all of them at random; every answer compared. How long an answer takes of one that is awake, and of one that sleeps, against
 * the start of a bare Node process in the same run; and what they hold together, looked at all the time.
 *
 *   node bench/asleep.ts      MODELS=12 MEMORY=400 (MB) CALLERS=2 SECONDS=60
 */
const models = Number(process.env.MODELS ?? 12);
const megabytes = Number(process.env.MEMORY ?? 400);
const callers = Number(process.env.CALLERS ?? 2);
const seconds = Number(process.env.SECONDS ?? 60);
/** An answer that took longer than this came of one that had to start, ms. */
const startedMs = 150;
/** The share of requests that are for one of the first two models. */
const often = 0.8;

const random = seeded(1);
const slipway = await SlipwayProcess.start('--scorer-memory', `${megabytes}MB`);
try {
  const names = Array.from({ length: models }, (_, k) => `model-${k}`);
  const file = inRepository('spec/models/onnx_loop_from_input/model.onnx');
  for (const name of names) await slipway.deploy(name, file);
  const wanted = (await ask(names[0]!)).prediction;
  const took = { awake: [] as number[], asleep: [] as number[], bare: [] as number[] };
  const end = performance.now() + seconds * 1000;
  let most = 0;
  const watching = (async () => {
    while (performance.now() < end) {
      const scorers = (await slipway.processes()).filter(({ scores }) => scores);
      most = Math.max(
        most,
        scorers.reduce((sum, one) => sum + one.megabytes, 0),
      );
      await pause(50);
    }
  })();
  const starting = (async () => {
    while (performance.now() < end) {
      const began = performance.now();
      await once(spawn(process.execPath, ['-e', '0']), 'exit');
      took.bare.push(performance.now() - began);
      await pause(2000);
    }
  })();
  const asking = Array.from({ length: callers }, async () => {
    while (performance.now() < end) {
      const below = random() < often ? 2 : models;
      const began = performance.now();
      const { prediction } = await ask(names[Math.floor(random() * below)]!);
      if (prediction !== wanted) throw new Error(`${prediction} for ${wanted}. Figures void.`);
      const ms = performance.now() - began;
      (ms > startedMs ? took.asleep : took.awake).push(ms);
      await pause(100);
    }
  });
  await Promise.all([watching, starting, ...asking]);
  const evictions = (await slipway.processes()).reduce(
    (sum, { scores }) => sum + (scores?.evictions ?? 0),
    0,
  );
  const [awake, asleep, bare] = [took.awake, took.asleep, took.bare].map((all) =>
    Float64Array.from(all).sort(),
  ) as [Float64Array, Float64Array, Float64Array];
  console.log(
    `${awake.length + asleep.length} answers of ${models} versions, none wrong; ${evictions} put to sleep; together ${most.toFixed(0)} MB at most, of ${megabytes}`,
  );
  console.log(
    `awake ${quantile(awake, 0.5).toFixed(1)} ms; asleep (${asleep.length}) ${quantile(asleep, 0.5).toFixed(0)} ms, 9 of 10 within ${quantile(asleep, 0.9).toFixed(0)}; the start of a bare Node process ${quantile(bare, 0.5).toFixed(0)} ms: ${(quantile(asleep, 0.5) / quantile(bare, 0.5)).toFixed(1)} times`,
  );
} finally {
  await slipway.stop();
}

async function ask(model: string): Promise<{ prediction: number }> {
  const answer = await fetch(`http://127.0.0.1:${slipway.port}/predict/${model}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ features: { x: 0.5, rounds: 10 } }),
  });
  const body = (await answer.json()) as { prediction: number };
  if (!answer.ok) throw new Error(JSON.stringify(body));
  return body;
}
