import { afterAll, beforeAll, expect, test } from 'vitest';
import type { ModelView, StatusView } from '../../src/api.ts';
import { inRepository, Slipway, until } from './harness.ts';

/** An ONNX graph with a Loop: each version of it has a process of its own. */
const loop = inRepository('spec/models/onnx_loop_from_input/model.onnx');
const names = ['a', 'b', 'c', 'd', 'e'];
/** One takes some 110 MB. */
const memory = 280e6;
let slipway: Slipway;

beforeAll(async () => {
  slipway = await Slipway.start({ lanes: 2, scorerMemory: memory });
});
afterAll(() => slipway.end());

interface Outcome {
  version: number;
  prediction: number;
  error: { code: string };
}
const ask = (model: string, rounds: number) =>
  slipway.predict<Outcome>(model, { features: { x: 0.5, rounds } });
const scorersOf = async (one: Slipway) => {
  const { body } = await one.api<StatusView>('GET', '/api/status');
  return body.processes.filter(({ scores }) => scores);
};
const scorers = () => scorersOf(slipway);
const stateOf = async (name: string) => (await scorers()).find((one) => one.name === name)?.state;

test('more versions than their processes have memory for are all served: what was used longest ago makes room', async () => {
  for (const name of names) expect((await slipway.deploy(name, loop)).status).toBe(201);
  const right = await Promise.all(names.map(async (name) => (await ask(name, 10)).body.prediction));
  let most = 0;
  let isAsking = true;
  const watching = (async () => {
    while (isAsking) {
      const all = await scorers();
      most = Math.max(
        most,
        all.reduce((sum, { megabytes }) => sum + megabytes, 0),
      );
      expect(all.some(({ state }) => state === 'asleep')).toBe(true);
    }
  })();
  // Of each two callers one asks another model every time, so that most of what it asks for sleeps.
  const callers = names.map(async (own, caller) => {
    for (let round = 0; round < 2; round++) {
      const name = caller % 2 === 0 ? own : names[(caller + round) % names.length]!;
      const { status, body } = await ask(name, 10);
      expect([name, status, body.prediction]).toEqual([name, 200, right[names.indexOf(name)]]);
    }
  });
  await Promise.all(callers);
  isAsking = false;
  await watching;
  expect(most * 1e6).toBeLessThan(memory);
  const { body } = await slipway.api<string>('GET', '/metrics');
  expect(body).toMatch(/slipway_scorer_evictions_total\{model="\w",version="1"\} [1-9]/);
  expect(body).toMatch(/slipway_scorers_asleep [1-4]\n/);
});

test('a version that sleeps is ready, and warm again before it is rolled back to', async () => {
  expect((await slipway.deploy('a', loop, { as: 'live' })).status).toBe(201);
  for (const name of ['b', 'c']) expect((await ask(name, 10)).status).toBe(200);
  await until(async () => (await stateOf('scorer-a-1')) === 'asleep', 'the version before to sleep');
  expect((await slipway.data('GET', '/v2/models/a/ready')).status).toBe(200);
  expect((await slipway.api('POST', '/api/models/a/rollback', {})).status).toBe(200);
  expect(await stateOf('scorer-a-1')).toBe('ready');
  expect((await ask('a', 10)).body.version).toBe(1);
  expect((await slipway.api<ModelView>('GET', '/api/models/a')).body.live).toBe(1);
});

test('where there is room for one, a shadow makes no change wait in vain, and is skipped while it sleeps', async () => {
  const own = await Slipway.start({ scorerMemory: 160e6 });
  try {
    const asked = () => own.predict<Outcome>('m', { features: { x: 0.5, rounds: 10 } });
    expect((await own.deploy('m', loop)).status).toBe(201);
    const shadow = await own.deploy('m', loop, { as: 'shadow', serving: { timeoutMs: 1000 } });
    expect(shadow.status).toBe(201);
    const skipped = async (): Promise<number> => {
      const { body } = await own.api<string>('GET', '/metrics');
      expect(body).toMatch(/slipway_shadow_rows_total\{model="m",outcome="failed"\} 0\n/);
      return Number(/slipway_shadow_rows_total\{model="m",outcome="skipped"\} (\d+)/.exec(body)?.[1] ?? 0);
    };
    await until(async () => {
      expect((await asked()).body.version).toBe(1);
      return (await skipped()) > 0;
    }, 'rows of the shadow to be skipped');
    expect((await own.api('POST', '/api/models/m/promote', { version: 2 })).status).toBe(200);
    expect((await asked()).body.version).toBe(2);
    for (const loaded of ['unload', 'load'])
      expect((await own.api('POST', `/api/models/m/${loaded}`, {})).status).toBe(200);
    expect((await asked()).body.version).toBe(2);
  } finally {
    await own.end();
  }
});

test('one that needs more than all of it is refused when it is deployed, with nothing left of it', async () => {
  const own = await Slipway.start({ scorerMemory: 50e6 });
  try {
    const { status, body } = await own.deploy('large', loop);
    expect([status, body]).toMatchObject([
      422,
      {
        error: {
          code: 'GATE_FAILED',
          message: expect.stringContaining('needed more than 50 MB'),
          hint: expect.stringContaining('--scorer-memory'),
        },
      },
    ]);
    expect((await own.api('GET', '/api/models/large')).status).toBe(404);
    expect((await own.data('GET', '/v2/models/large/ready')).status).toBe(404);
    const { entries } = (await own.api<{ entries: object[] }>('GET', '/api/timeline?model=large')).body;
    expect(entries).toEqual([]);
    expect((await scorersOf(own)).length).toBe(0);
  } finally {
    await own.end();
  }
});
