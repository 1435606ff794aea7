import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { ModelView, RolloutView } from '../../src/api.ts';
import { attribute, floats, message, node, tensor, value } from '../models/onnx/onnx-file.ts';
import { Slipway, until } from '../processes/harness.ts';
import { seeded } from '../stats/seeded.ts';

/** Versions that fail on some rows, or answer what is no number: over the real processes. */
let slipway: Slipway;
beforeAll(async () => {
  slipway = await Slipway.start({ logLevel: 'silent' });
});
afterAll(() => slipway.end());

/** X [N, 1] → Y [N, 1] through these parts of a graph, on onnxruntime. */
function model(name: string, ...parts: Parameters<typeof message>): string {
  const graph = message(...parts, [2, 'g'], value(11, 'X', 1), value(12, 'Y', 1));
  const file = join(slipway.folder, `${name}.onnx`);
  writeFileSync(file, message([1, 8], [7, graph], [8, message([2, 12])]));
  return file;
}

test('a candidate that fails on half of its rows is not promoted on those that it answers', async () => {
  const rows = join(slipway.folder, 'rows.csv');
  writeFileSync(rows, `X,Y\n${Array.from({ length: 200 }, (_, i) => `${i % 2},${i % 2}`).join('\n')}\n`);
  const training = { baseline: rows, label: 'Y' };
  // Always as wrong as can be for these labels.
  const wrong = model(
    'wrong',
    [5, tensor('far', [1], floats(9))],
    node('Mul', ['X', 'nil'], ['zero']),
    [5, tensor('nil', [1], floats(0))],
    node('Add', ['zero', 'far'], ['Y']),
  );
  expect((await slipway.deploy('table', wrong, training)).status).toBe(201);
  // Right wherever it answers: a table of two rows. What X sizes gives it a process of its own, where a shadow
  // may take its time.
  const table = model(
    'table',
    [5, tensor('rows', [2], floats(0, 1))],
    node('Cast', ['X'], ['row'], attribute('to', [3, 7], [20, 2])),
    node('Gather', ['rows', 'row'], ['found']),
    node(
      'ReduceMax',
      ['row'],
      ['n'],
      attribute('axes', [8, 0], [20, 7]),
      attribute('keepdims', [3, 0], [20, 2]),
    ),
    node('ConstantOfShape', ['n'], ['many']),
    node('ReduceSum', ['many'], ['zero']),
    node('Add', ['found', 'zero'], ['Y']),
  );
  expect((await slipway.deploy('table', table, training)).status).toBe(201);
  const started = await slipway.api('POST', '/api/models/table/rollouts', { candidate: 2, leastPairs: 100 });
  expect(started.status).toBe(201);

  const view = async () => (await slipway.api<ModelView>('GET', '/api/models/table')).body;
  const random = seeded(3);
  const asked: { id: string; X: number }[] = [];
  const pairs = async (): Promise<number> => {
    for (let i = 0; i < 40; i++) {
      // Of 0, 1, 2 and 3 it knows two.
      const X = Math.floor(4 * random());
      const { body } = await slipway.predict('table', { features: { X } });
      asked.push({ id: body.id, X });
      await slipway.label({ id: body.id, label: X });
    }
    return (await view()).rollout?.look?.pairs ?? 0;
  };
  await until(async () => (await pairs()) >= 200, '200 pairs');

  const { live, rollout } = await view();
  expect(live).toBe(1);
  const { look, unanswered, verdict, reasons, state } = rollout as RolloutView;
  expect([state, verdict]).toEqual(['running', 'hold']);
  // On the rows that it answered it is better beyond doubt, and with failures as wrong answers still.
  expect(look!.low).toBeGreaterThan(0);
  expect(unanswered).toBeGreaterThan(look!.pairs * 0.3);
  expect(reasons.join()).toMatch(/Version 2 gave no answer to \d+ of these rows .* is not made live/);
  const failed = await slipway.prediction(asked.find(({ X }) => X > 1)!.id);
  expect(failed.answers[1]).toMatchObject({
    version: 2,
    prediction: null,
    failure: 'ROW_REFUSED',
    loss: null,
  });
});

test('an answer that is no number takes a label, and harms no other’s', async () => {
  expect((await slipway.deploy('root', model('root', node('Sqrt', ['X'], ['Y'])))).status).toBe(201);
  const answered = async (X: number, label: number): Promise<void> => {
    const { body } = await slipway.predict('root', { features: { X } });
    expect((await slipway.label({ id: body.id, label })).status).toBe(200);
  };
  await answered(-4, 2);
  await answered(9, 4);
  const { overall } = (await slipway.api<ModelView>('GET', '/api/models/root')).body;
  expect(overall).toMatchObject({ metric: 'mae', labelled: 1, value: 1 });
});

test('a label beyond all measure can be corrected, and leaves the sums as the right one would have', async () => {
  expect((await slipway.deploy('far', model('far', node('Sqrt', ['X'], ['Y'])))).status).toBe(201);
  const other = await slipway.predict('far', { features: { X: 4 } });
  expect((await slipway.label({ id: other.body.id, label: 4 })).status).toBe(200);
  const { body } = await slipway.predict('far', { features: { X: 9 } });
  for (const [at, label] of [
    [1, 1e300],
    [2, 4],
  ])
    expect((await slipway.label({ id: body.id, label, at })).status).toBe(200);
  const { overall } = (await slipway.api<ModelView>('GET', '/api/models/far')).body;
  expect(overall).toMatchObject({ metric: 'mae', labelled: 2, value: 1.5, rmse: Math.sqrt(2.5) });
});
