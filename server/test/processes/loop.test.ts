import { afterAll, beforeAll, expect, test } from 'vitest';
import type { ModelView } from '../../src/api.ts';
import { electricity, inRepository, Slipway } from './harness.ts';

const model = inRepository('examples/electricity/model.txt');
const golden = inRepository('examples/electricity/golden.json');
let slipway: Slipway;

beforeAll(async () => {
  slipway = await Slipway.start();
});
afterAll(() => slipway.end());

test('deploy → predict → label → accuracy, over the real processes', async () => {
  const deployed = await slipway.deploy('electricity', model, { golden });
  expect(deployed).toMatchObject({
    status: 201,
    body: { version: { version: 1, kind: 'lightgbm', state: 'live' } },
  });

  const rows = electricity(9062, 9062 + 200);
  let right = 0;
  for (const [i, { features, label }] of rows.entries()) {
    const { status, body } = await slipway.predict('electricity', { features, key: `row-${i}` });
    expect(status).toBe(200);
    if (body.prediction === label) right++;
    expect((await slipway.label({ key: `row-${i}`, model: 'electricity', label })).status).toBe(200);
  }
  const { body } = await slipway.api<ModelView>('GET', '/api/models/electricity');
  expect(body.overall).toMatchObject({ labelled: 200, value: right / 200 });
  expect(body.traffic).toMatchObject({ predictions: 200, labels: 200, waiting: 0 });
});
