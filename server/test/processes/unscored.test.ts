import { afterAll, beforeAll, expect, test } from 'vitest';
import type { ModelView } from '../../src/api.ts';
import { inRepository, Slipway, until } from './harness.ts';

/** A model of which no output is known to be the answer, on a real Slipway. */
let slipway: Slipway;
const types = inRepository('spec/models/onnx_all_types/model.onnx');
const golden = inRepository('spec/models/onnx_all_types/golden.json');

beforeAll(async () => {
  slipway = await Slipway.start();
  expect((await slipway.deploy('types', types, { golden })).status).toBe(201);
});
afterAll(() => slipway.end());

const names = [
  'FP32',
  'FP64',
  'FP16',
  'INT8',
  'INT16',
  'INT32',
  'INT64',
  'UINT8',
  'UINT16',
  'UINT32',
  'UINT64',
];
const features = Object.fromEntries([
  ...names.flatMap((name) => [0, 1].map((i) => [`in_${name}_${i}`, i + 1])),
  ['in_BOOL_0', true],
  ['in_BOOL_1', false],
]);

test('is served with every output, and its labels are taken but held against nothing', async () => {
  const { status, body } = await slipway.predict<{ id: string; prediction: Record<string, unknown> }>(
    'types',
    {
      features,
    },
  );
  expect(status).toBe(200);
  expect(body.prediction).toEqual({
    ...Object.fromEntries(names.map((name) => [`out_${name}`, [1, 2]])),
    out_BOOL: [true, false],
  });
  expect((await slipway.label({ id: body.id, label: 'any' })).status).toBe(200);
  await until(async () => (await slipway.prediction(body.id)).label !== null, 'the label to be read');
  const kept = await slipway.prediction(body.id);
  expect(kept.label).toMatchObject({ value: 'any' });
  expect(kept.answers[0]).toMatchObject({ prediction: body.prediction, correct: null, loss: null });
  const [view] = (await slipway.api<{ models: ModelView[] }>('GET', '/api/models')).body.models;
  expect(view).toMatchObject({ model: 'types', task: 'other', recent: { value: null } });
});

test('may have further versions, but no rollout by outcome', async () => {
  expect((await slipway.deploy('types', types, { golden })).status).toBe(201);
  const started = await slipway.api<{ error: { code: string } }>('POST', '/api/models/types/rollouts', {
    candidate: 2,
  });
  expect([started.status, started.body.error.code]).toEqual([409, 'NOT_SCORED']);
  const shadow = await slipway.deploy('types', types, { golden, as: 'shadow' });
  expect([shadow.status, JSON.stringify(shadow.body)]).toEqual([409, expect.stringContaining('NOT_SCORED')]);
});
