import { afterAll, beforeAll, expect, test } from 'vitest';
import type { ModelView } from '../../src/api.ts';
import { inRepository, Slipway } from '../processes/harness.ts';

/** A regression, from its file to live MAE and RMSE, over the real processes. */
let slipway: Slipway;
beforeAll(async () => {
  slipway = await Slipway.start();
});
afterAll(() => slipway.end());

test('MAE and RMSE of a regression equal those of the caller’s own arithmetic', async () => {
  const deployed = await slipway.deploy('ridge', inRepository('spec/models/sk_ridge/model.onnx'));
  expect(deployed.body.version).toMatchObject({ kind: 'onnx', task: 'regression' });
  const names = deployed.body.version.features.map(({ name }) => name);
  const errors: number[] = [];
  for (let i = 0; i < 40; i++) {
    const features = Object.fromEntries(
      names.map((name, k) => [name, Math.fround(Math.sin(i * 7 + k) / 10)]),
    );
    const { body } = await slipway.predict('ridge', { features });
    const label = 100 + i;
    errors.push(body.prediction - label);
    await slipway.label({ id: body.id, label });
  }
  const { overall } = (await slipway.api<ModelView>('GET', '/api/models/ridge')).body;
  expect(overall).toMatchObject({ metric: 'mae', labelled: 40, logLoss: null });
  expect(overall.value).toBeCloseTo(errors.reduce((sum, error) => sum + Math.abs(error), 0) / 40, 9);
  expect(overall.rmse).toBeCloseTo(Math.sqrt(errors.reduce((sum, error) => sum + error * error, 0) / 40), 9);
  expect(overall.low!).toBeLessThan(overall.value!);
  expect(overall.high!).toBeGreaterThan(overall.value!);
});
