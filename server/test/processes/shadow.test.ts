import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { ModelView, RolloutView, TimelineEntry } from '../../src/api.ts';
import { electricity, inRepository, Slipway, until } from './harness.ts';

let slipway: Slipway;
const rows = electricity(9062, 9762);

beforeAll(async () => {
  slipway = await Slipway.start();
});
afterAll(() => slipway.end());

const metric = async (name: string): Promise<number> => {
  const { body } = await slipway.api<string>('GET', '/metrics');
  return Number(new RegExp(`${name} (\\d+)`).exec(body)?.[1] ?? 0);
};

test('a shadow that is too slow for a lane answers in a process of its own, as far as it can, and costs the client nothing', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'slipway-shadow-'));
  const quick = join(folder, 'quick.json');
  const state = { count: 2, intercept: 0, mean: [0, 0], variance: [1, 1], weights: [1, 0] };
  writeFileSync(quick, JSON.stringify({ slipway: 'logistic', features: ['x', 'rounds'], state }));
  expect((await slipway.deploy('slow', quick)).status).toBe(201);
  rmSync(folder, { recursive: true, force: true });
  // Quick on the gate's rows, and slow on the caller's: 40,000 rounds take about a tenth of a second.
  const loop = inRepository('spec/models/onnx_loop_from_input/model.onnx');
  expect((await slipway.deploy('slow', loop, { as: 'shadow', allowSignatureChange: true })).status).toBe(201);
  const ids: string[] = [];
  for (let i = 0; i < 300; i++) {
    const { status, body } = await slipway.predict('slow', { features: { x: 0.5, rounds: 40_000 } });
    expect(status).toBe(200);
    ids.push(body.id);
  }
  const shadows = (outcome: string) =>
    metric(`slipway_shadow_rows_total\\{model="slow",outcome="${outcome}"\\}`);
  const settled = async () =>
    (await shadows('answered')) + (await shadows('skipped')) + (await shadows('failed'));
  await until(async () => (await settled()) === 300, 'every row to be answered by the shadow, or counted');
  expect(await shadows('answered')).toBeGreaterThan(0);
  const { answers } = await slipway.prediction(ids[0]!);
  expect(answers.map(({ version, role }) => [version, role])).toEqual([
    [1, 'live'],
    [2, 'shadow'],
  ]);
});

test('a byte-equal copy as candidate is never promoted', async () => {
  const model = inRepository('examples/electricity/model.txt');
  await slipway.deploy('twins', model);
  const { body } = await slipway.deploy('twins', model, { as: 'shadow' });
  for (const { features, label } of rows) {
    const { body: answer } = await slipway.predict('twins', { features });
    await slipway.label({ id: answer.id, label });
  }
  const { body: view } = await slipway.api<ModelView>('GET', '/api/models/twins');
  expect(view.live).toBe(1);
  expect(view.rollout).toMatchObject({ id: body.rollout, state: 'running' });
  expect(view.versions.map(({ score }) => [score.labelled, score.value])).toEqual([
    [rows.length, view.overall.value],
    [rows.length, view.overall.value],
  ]);
  const { body: timeline } = await slipway.api<{ entries: TimelineEntry[] }>(
    'GET',
    '/api/timeline?model=twins',
  );
  expect(timeline.entries.some(({ kind }) => kind === 'promote')).toBe(false);
});

test('a person may hold, resume and stop a rollout, promote its candidate, and go back', async () => {
  const rollout = async () =>
    (await slipway.api<{ rollouts: RolloutView[] }>('GET', '/api/models/twins/rollouts')).body.rollouts[0]!;
  const { id } = await rollout();
  for (const [change, state] of [
    ['hold', 'held'],
    ['resume', 'running'],
  ] as const) {
    const { body } = await slipway.api<RolloutView>('POST', `/api/models/twins/rollouts/${id}/${change}`, {});
    expect(body.state).toBe(state);
  }
  await slipway.api('POST', '/api/models/twins/promote', { version: 2 });
  // The former live version is watched from the shadow.
  expect(await rollout()).toMatchObject({ id, live: 2, candidate: 1, state: 'running' });
  expect((await slipway.predict('twins', { features: rows[0]!.features })).body.version).toBe(2);
  await slipway.api('POST', '/api/models/twins/rollback', {});
  expect(await rollout()).toMatchObject({ id, state: 'ended', verdict: 'roll back' });
  expect((await slipway.predict('twins', { features: rows[0]!.features })).body.version).toBe(1);
});

test('a learner can be set back to any checkpoint, and its predictions can be made again', async () => {
  const own = await Slipway.start({ checkpointLabels: 50 });
  try {
    const learner = inRepository('bench/logit-30.json');
    const { features } = JSON.parse(readFileSync(learner, 'utf8')) as {
      features: string[];
    };
    await own.deploy('l', learner);
    const row = (i: number) =>
      Object.fromEntries(features.map((name, k) => [name, Math.sin(i * 31 + k) * (k + 1)]));
    const ids: string[] = [];
    const teach = async (from: number, to: number): Promise<void> => {
      for (let i = from; i < to; i++) {
        const { body } = await own.predict('l', { features: row(i) });
        ids.push(body.id);
        await own.label({ id: body.id, label: i % 3 === 0 ? 1 : 0 });
      }
    };
    await teach(0, 120);
    const view = async () => (await own.api<ModelView>('GET', '/api/models/l')).body.versions[0]!;
    const updates = async () => (await view()).learner!.checkpoints.map(({ update }) => update);
    // Checkpoints are gated and kept beside the serving, which does not wait for them.
    await until(async () => (await updates()).length === 2, 'two checkpoints');
    expect(await updates()).toEqual([50, 100]);
    const asked = { features: row(999) };
    const at120 = (await own.predict('l', asked)).body.probabilities;
    const { status } = await own.api('POST', '/api/models/l/versions/1/checkpoints/50/restore', {});
    expect(status).toBe(200);
    expect((await own.predict('l', asked)).body.probabilities).not.toEqual(at120);
    await teach(120, 140);
    for (const id of [ids[0]!, ids[60]!, ids[119]!, ids[135]!]) {
      const { body } = await own.api<{ answers: { equal: boolean; update: number }[] }>(
        'GET',
        `/api/predictions/${id}/reproduction`,
      );
      expect(body.answers[0], id).toMatchObject({ equal: true });
    }
  } finally {
    await own.end();
  }
});

test('a replaced lane finds the checkpoint that its snapshot names, however many came after it', async () => {
  const own = await Slipway.start({ checkpointLabels: 2 });
  try {
    const learner = inRepository('bench/logit-30.json');
    const { features: names } = JSON.parse(readFileSync(learner, 'utf8')) as { features: string[] };
    const features = Object.fromEntries(names.map((name) => [name, 1]));
    const teach = async (from: number, to: number): Promise<void> => {
      for (let i = from; i < to; i++) {
        const { body } = await own.predict('e', { features });
        await own.label({ id: body.id, label: i % 2 });
      }
    };
    const checkpoints = async () =>
      (await own.api<ModelView>('GET', '/api/models/e')).body.versions[0]!.learner!.checkpoints;
    await own.deploy('e', learner);
    await teach(0, 4);
    await until(async () => (await checkpoints()).at(-1)?.update === 4, 'the second checkpoint');
    // Any new snapshot names the newest checkpoint: the second, which thinning does not spare.
    await own.deploy('other', learner);
    await teach(4, 80);
    await until(async () => (await checkpoints()).at(-1)?.update === 80, 'the last checkpoint');
    expect((await checkpoints()).map(({ update }) => update).slice(0, 4)).toEqual([2, 4, 22, 42]);
    await own.kill('lane-1');
    expect((await own.predict('e', { features })).status).toBe(200);
  } finally {
    await own.end();
  }
});
