import { afterAll, beforeAll, expect, test } from 'vitest';
import { electricity, inRepository, Slipway as Server } from '../../server/test/processes/harness.ts';
import { Slipway } from '../src/client.ts';

let server: Server;
let slipway: Slipway;
const rows = electricity(9062, 9066);

beforeAll(async () => {
  server = await Server.start();
  await server.deploy('electricity', inRepository('examples/electricity/model.txt'));
  slipway = new Slipway({ url: server.dataPlane, control: server.control });
});
afterAll(() => server.end());

test('predicts, and says what was true', async () => {
  const answer = await slipway.predict('electricity', rows[0]!.features, { key: 'mine', at: new Date(1e12) });
  expect(answer).toMatchObject({ model: 'electricity', version: 1, prediction: expect.any(Number) });
  await slipway.label({ model: 'electricity', key: 'mine', label: rows[0]!.label }, { wait: true });
  expect(await server.prediction(answer.id)).toMatchObject({
    key: 'mine',
    at: 1e12,
    label: { value: rows[0]!.label },
  });
});

test('predicts many rows, an id each, and takes many labels', async () => {
  const { predictions } = await slipway.predictRows(
    'electricity',
    rows.map(({ features }) => features),
  );
  expect(predictions).toHaveLength(4);
  const labels = predictions.map(({ id }, i) => ({ id, label: rows[i]!.label }));
  expect(await slipway.label(labels, { wait: true })).toEqual({ accepted: 4 });
  expect((await server.prediction(predictions[2]!.id)).label).toMatchObject({ value: rows[2]!.label });
});

test('serves a version otherwise', async () => {
  await slipway.tune('electricity', 1, { cacheBytes: 1e6, timeoutMs: 500 });
  const { body } = await server.api('GET', '/api/models/electricity/versions/1');
  expect(body).toMatchObject({ serving: { cacheBytes: 1e6, timeoutMs: 500, batching: null } });
  await expect(slipway.tune('electricity', 1, { batching: { maxSize: 8 } })).rejects.toMatchObject({
    code: 'INVALID_REQUEST',
    message: expect.stringContaining('answers at once'),
  });
  await expect(new Slipway({ url: server.dataPlane }).tune('electricity', 1, {})).rejects.toThrow(TypeError);
});

test('errors carry code, message and hint', async () => {
  await expect(slipway.predict('nobody', {})).rejects.toMatchObject({
    code: 'MODEL_NOT_FOUND',
    status: 404,
    message: expect.stringContaining('nobody'),
    hint: expect.stringContaining('slipway'),
  });
});
