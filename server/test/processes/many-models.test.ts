import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { seeded } from '../models/forest/random-forest.ts';
import { inRepository, Slipway } from './harness.ts';
import { register } from './registered.ts';

/** More models than there is memory for: 300 of which a lane may hold 20. */
const count = 300;
const room = 20;
const attachedBytes = 100_000;
let slipway: Slipway;

const nameOf = (k: number): string => `model-${k}`;
const file = inRepository('spec/models/xgb_regression/model.json');
const golden = JSON.parse(readFileSync(file.replace('model.json', 'golden.json'), 'utf8')) as {
  inputs: { data: number[][] }[];
};
const { learner, version } = JSON.parse(readFileSync(file, 'utf8')) as {
  learner: { learner_model_param: { base_score: string }; feature_names: string[] };
  version: number[];
};
const base = Number(JSON.parse(learner.learner_model_param.base_score));
/** What the sum begins with is the model's own: model k answers k more than model 0. */
function fileOf(folder: string, k: number): string {
  const path = join(folder, `${nameOf(k)}.json`);
  const param = { ...learner.learner_model_param, base_score: `[${base + k}]` };
  writeFileSync(path, JSON.stringify({ learner: { ...learner, learner_model_param: param }, version }));
  return path;
}

beforeAll(async () => {
  const folder = mkdtempSync(join(tmpdir(), 'slipway-test-'));
  const models = Array.from({ length: count }, (_, k) => ({
    name: nameOf(k),
    kind: 'xgboost',
    file: fileOf(folder, k),
    attachedBytes,
  }));
  await register(folder, models);
  // A lane counts the frame that requests share, too.
  const each = attachedBytes + 8 * 32 * learner.feature_names.length;
  slipway = await Slipway.start({ data: folder, modelMemory: room * each });
});
afterAll(() => slipway.end());

const row = golden.inputs[0]!.data.find((values) => values.every((value) => typeof value === 'number'))!;

async function ask(k: number): Promise<number> {
  const { status, body } = await slipway.data<{ outputs: { data: number[] }[] }>(
    'POST',
    `/v2/models/${nameOf(k)}/infer`,
    { inputs: [{ name: 'X', datatype: 'FP32', shape: [1, row.length], data: row }] },
  );
  expect([k, status, status === 200 ? '' : body]).toEqual([k, 200, '']);
  return body.outputs[0]!.data[0]!;
}

async function metric(name: string): Promise<number> {
  const { body } = await slipway.api<string>('GET', '/metrics');
  return Number(new RegExp(`^${name} (.*)$`, 'm').exec(body)![1]);
}

test('every one of them answers as itself, and no more are attached than there is memory for', async () => {
  const first = await ask(0);
  const random = seeded(1);
  const order = Array.from({ length: 2 * count }, (_, i) => (i < count ? i : Math.floor(random() * count)));
  // Many callers at once, as they come: they wait for the same models, and for different ones.
  const answers = new Map<number, number[]>();
  const callers = Array.from({ length: 8 }, async () => {
    for (let k = order.shift(); k !== undefined; k = order.shift())
      answers.set(k, [...(answers.get(k) ?? []), await ask(k)]);
  });
  await Promise.all(callers);
  expect(answers.size).toBe(count);
  for (const [k, all] of answers) for (const answer of all) expect(answer).toBeCloseTo(first + k, 3);
  expect(await metric('slipway_attached_versions')).toBeLessThanOrEqual(room);
  expect(await metric('slipway_evictions_total')).toBeGreaterThanOrEqual(count - room);
  expect(await metric('slipway_attach_failures_total')).toBe(0);
});

test('what is used again and again stays, whatever else is asked for once', async () => {
  await ask(7);
  const before = await metric('slipway_attaches_total');
  const others = 60;
  for (let k = 100; k < 100 + others; k++) {
    await ask(k);
    await ask(7);
  }
  // Of the others some may have been there still; the one in use never went.
  const attached = (await metric('slipway_attaches_total')) - before;
  expect(attached).toBeGreaterThan(others - room);
  expect(attached).toBeLessThanOrEqual(others);
});

test('a model is ready that would be attached when it is asked for, and described without that', async () => {
  const before = await metric('slipway_attaches_total');
  for (let k = 0; k < count; k += 50) {
    const ready = await slipway.data('GET', `/v2/models/${nameOf(k)}/ready`);
    expect(ready.status).toBe(200);
    const { body } = await slipway.data<{ inputs: unknown[] }>('GET', `/v2/models/${nameOf(k)}`);
    expect(body.inputs).toHaveLength(1);
  }
  expect(await metric('slipway_attaches_total')).toBe(before);
  expect((await slipway.data('GET', '/v2/models/another/ready')).status).toBe(404);
});

test('a change of one model touches no other, and reaches a lane that was replaced', async () => {
  const deployed = await slipway.deploy(nameOf(7), fileOf(slipway.folder, 1000), { as: 'live' });
  expect(deployed.status).toBe(201);
  const seventh = await ask(7);
  expect(seventh).toBeCloseTo((await ask(8)) + 992, 3);
  await slipway.kill('lane-1');
  expect(await ask(7)).toBe(seventh);
});
