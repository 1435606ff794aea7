import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ModelView, StatusView, TimelineEntry } from '../../src/api.ts';
import { defaultPython } from '../../src/processes/config.ts';
import { interpreter } from '../models/python/interpreter.ts';
import { inRepository, Slipway, until } from './harness.ts';

const unruly = inRepository('spec/python/unruly/model.py');
/** An interpreter and its libraries start slowly where others keep the machine busy. */
const candidateMs = 120_000;
const ask = (slipway: Slipway, what: string, x = 1) =>
  slipway.predict<{ prediction: number; code?: string; message?: string }>('unruly', {
    features: { do: what, x },
  });

test('Python code is refused where it is not allowed', async () => {
  const slipway = await Slipway.start();
  try {
    const { status, body } = await slipway.deploy('unruly', unruly);
    expect([status, body]).toMatchObject([403, { error: { code: 'PYTHON_NOT_ALLOWED' } }]);
  } finally {
    await slipway.end();
  }
});

describe.skipIf(!interpreter)('Python code that is allowed', () => {
  let slipway: Slipway;
  beforeAll(async () => {
    const python = { ...defaultPython, interpreter: interpreter!, callMs: 6000 };
    slipway = await Slipway.start({ python, candidateMs, logLevel: 'silent' });
    expect(await slipway.deploy('unruly', unruly)).toMatchObject({ status: 201 });
  });
  afterAll(() => slipway.end());

  test('answers', async () => {
    expect(await ask(slipway, '', 21)).toMatchObject({ status: 200, body: { prediction: 42 } });
    const { body } = await slipway.data<{ inputs: object[] }>('GET', '/v2/models/unruly');
    expect(body.inputs).toEqual([
      { name: 'do', datatype: 'BYTES', shape: [-1] },
      { name: 'x', datatype: 'FP64', shape: [-1] },
    ]);
  });

  test('is not taken where it fails on rows that were given with it, and says what it raised', async () => {
    const rows = join(slipway.folder, 'rows.csv');
    writeFileSync(rows, 'do,x,y\na,1,2\na,2,4\na,3,6\nraise,4,8\n');
    const { status, body } = await slipway.deploy('raises', unruly, { baseline: rows, label: 'y' });
    const message = expect.stringContaining('predict() raised ValueError: no such luck (model.py, line');
    expect([status, body]).toMatchObject([422, { error: { code: 'GATE_FAILED', message } }]);
  });

  test('harms only its own callers, who are told how', async () => {
    const stopped = slipway.pidOf('lane-1');
    expect(await ask(slipway, 'raise')).toMatchObject({
      status: 500,
      body: { error: { code: 'PREDICTION_FAILED' } },
    });
    expect(await ask(slipway, 'crash')).toMatchObject({
      status: 502,
      body: { error: { code: 'PYTHON_CRASHED' } },
    });
    expect(await ask(slipway, 'hang')).toMatchObject({
      status: 504,
      body: { error: { code: 'PYTHON_TIMEOUT' } },
    });
    expect(await ask(slipway, '', 3)).toMatchObject({ status: 200, body: { prediction: 6 } });
    expect(await slipway.pidOf('lane-1')).toBe(await stopped);
  });

  test('what happened to its process is a finding, with its last words, and a metric', async () => {
    await ask(slipway, 'crash');
    const finding = async () => (await slipway.api<ModelView>('GET', '/api/models/unruly')).body.findings[0];
    await until(async () => (await finding())?.message.includes('It runs again') ?? false, 'the finding');
    expect(await finding()).toMatchObject({
      id: 'unruly/1/trouble',
      message: expect.stringContaining('Version 1: its process was ended by SIGABRT.'),
      evidence: { restarts: expect.any(Number), printed: expect.stringContaining('in predict') },
    });
    const { body } = await slipway.api<{ entries: TimelineEntry[] }>('GET', '/api/timeline?model=unruly');
    expect(body.entries.filter(({ kind }) => kind === 'finding').length).toBeGreaterThan(0);
    const { body: metrics } = await slipway.api<string>('GET', '/metrics');
    expect(metrics).toContain('slipway_version_trouble{model="unruly",version="1"} 1');
    expect(metrics).toMatch(/slipway_version_restarts\{model="unruly",version="1"\} [1-9]/);
  });

  test.skipIf(process.platform !== 'linux')(
    'goes with its scorer, and comes back with the next',
    async () => {
      const { prediction: pid } = (await ask(slipway, 'pid')).body;
      await slipway.kill('lane-1');
      expect((await ask(slipway, 'pid')).body.prediction).toBe(pid);
      await slipway.kill('scorer-unruly-1');
      expect(await ask(slipway, '', 3)).toMatchObject({ status: 200, body: { prediction: 6 } });
      await until(() => !isAlive(pid), 'the process of the scorer before to go', 60_000);
      // Of the one that was killed nothing is left, of one that nobody needs neither.
      const unpacked = () => readdirSync(join(slipway.folder, 'python', 'scorer-unruly-1'));
      expect(unpacked().length).toBe(1);
      await slipway.data('POST', '/v2/repository/models/unruly/unload');
      await until(() => unpacked().length === 0, 'the folder to go');
      await slipway.data('POST', '/v2/repository/models/unruly/load');
      expect(await ask(slipway, '', 3)).toMatchObject({ status: 200, body: { prediction: 6 } });
    },
  );
});

test.skipIf(!interpreter)(
  'a call that takes longer than its caller waits is no hang of the scorer',
  async () => {
    const python = { ...defaultPython, interpreter: interpreter!, callMs: 60_000 };
    const slipway = await Slipway.start({ python, heartbeatMs: 5000, candidateMs, logLevel: 'silent' });
    try {
      expect(await slipway.deploy('unruly', unruly)).toMatchObject({ status: 201 });
      const { prediction: pid } = (await ask(slipway, 'pid')).body;
      // The scorer of any other kind would be killed after 6 s.
      const tuned = await slipway.api('PATCH', '/api/models/unruly/versions/1/serving', { timeoutMs: 1000 });
      expect(tuned.status).toBe(200);
      expect(await ask(slipway, 'slow', 9)).toMatchObject({
        status: 504,
        body: { error: { code: 'TIMEOUT' } },
      });
      const pids: number[] = [];
      await until(async () => {
        const { status, body } = await ask(slipway, 'pid');
        return status === 200 && pids.push(body.prediction) > 0;
      }, 'the next answer');
      expect(pids).toEqual([pid]);
    } finally {
      await slipway.end();
    }
  },
);

test.skipIf(!interpreter)(
  'what was deployed is not run by a server that was not told to, which says so',
  async () => {
    const python = { ...defaultPython, interpreter: interpreter! };
    const before = await Slipway.start({ python, candidateMs });
    expect(await before.deploy('unruly', unruly)).toMatchObject({ status: 201 });
    await before.stop();
    const slipway = await Slipway.start({ data: before.folder });
    try {
      const refused = {
        code: 'PYTHON_NOT_ALLOWED',
        message: expect.stringContaining('Version 1 of "unruly"'),
      };
      expect(await ask(slipway, '')).toMatchObject({ status: 403, body: { error: refused } });
      const { body } = await slipway.api<StatusView>('GET', '/api/status');
      const [model] = body.models;
      expect(model?.health).toMatchObject({
        level: 'act',
        sentence: expect.stringContaining('--allow-python'),
      });
      expect(model?.versions[0]?.refusal).toContain('It is Python code, which is not run here.');
      expect(body.processes.map(({ name }) => name)).not.toContain('scorer-unruly-1');
      await slipway.stop();
      // Nor where it is told to by one that cannot.
      const other = await Slipway.start({
        data: before.folder,
        python: { ...python, interpreter: '/nowhere/python' },
        logLevel: 'silent',
      });
      const health = async () => (await other.api<ModelView>('GET', '/api/models/unruly')).body.health;
      await until(async () => (await health()).level === 'act', 'that to be said');
      expect((await health()).sentence).toContain('/nowhere/python could not be started');
      await other.stop();
    } finally {
      await slipway.end();
    }
  },
);

function isAlive(pid: number): boolean {
  try {
    return !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
}
