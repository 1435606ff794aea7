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
    const lane = await slipway.pidOf('lane-1');
    expect(await ask(slipway, 'raise')).toMatchObject({
      status: 500,
      body: { error: { code: 'PREDICTION_FAILED' } },
    });
    expect(await ask(slipway, 'crash')).toMatchObject({
      status: 502,
      body: { error: { code: 'PYTHON_CRASHED' } },
    });
    expect(await ask(slipway, '', 3)).toMatchObject({ status: 200, body: { prediction: 6 } });
    expect(await slipway.pidOf('lane-1')).toBe(lane);
  });

  test('what happened to its process is a finding, with its last words, and a metric', async () => {
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

  test('is asked for no more rows at once than it may take time for, however long its callers wait', async () => {
    const rows = Array.from({ length: 20_000 }, () => 1);
    const inputs = [
      { name: 'do', datatype: 'BYTES', shape: [rows.length], data: rows.map(() => '') },
      { name: 'x', datatype: 'FP64', shape: [rows.length], data: rows },
    ];
    const answers = [];
    for (const timeoutMs of [6000, 600_000]) {
      const tuned = await slipway.api('PATCH', '/api/models/unruly/versions/1/serving', { timeoutMs });
      expect(tuned.status).toBe(200);
      answers.push(await slipway.data<{ error: string }>('POST', '/v2/models/unruly/infer', { inputs }));
    }
    expect(answers.map(({ status }) => status)).toEqual([413, 413]);
    expect(answers[1]!.body).toEqual(answers[0]!.body);
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

  test('is quarantined the second time that it hangs or crashes, not where others kill it', async () => {
    expect(await slipway.deploy('unruly', unruly, { as: 'live' })).toMatchObject({ status: 201 });
    const lane = await slipway.pidOf('lane-1');
    const said = async (text: string): Promise<string | undefined> => {
      const { body } = await slipway.api<{ entries: TimelineEntry[] }>('GET', '/api/timeline?model=unruly');
      return body.entries.find(({ version, message }) => version === 2 && message.includes(text))?.message;
    };
    const { prediction: pid } = (await ask(slipway, 'pid')).body;
    process.kill(pid, 'SIGKILL');
    await until(async () => (await said('was ended by SIGKILL')) !== undefined, 'its end to be noted');
    expect(await ask(slipway, 'hang')).toMatchObject({
      status: 504,
      body: { error: { code: 'PYTHON_TIMEOUT' } },
    });
    await until(async () => (await said('did not answer for 6 s')) !== undefined, 'the hang to be noted');
    expect(await said('did not answer for 6 s')).toContain('The next time it is quarantined.');
    // Its scorer may have been another one meanwhile.
    await slipway.kill('scorer-unruly-2');
    expect(await ask(slipway, 'crash')).toMatchObject({
      status: 502,
      body: { error: { code: 'PYTHON_CRASHED' } },
    });
    const view = async () => (await slipway.api<ModelView>('GET', '/api/models/unruly')).body;
    await until(async () => (await view()).live === 1, 'the version before it to be live');
    const { versions, findings } = await view();
    expect(versions.find(({ version }) => version === 2)?.state).toBe('quarantined');
    expect(findings.find(({ id }) => id === 'unruly/2/stopped')).toMatchObject({
      level: 'act',
      message: expect.stringContaining('Version 2 crashed (SIGABRT)'),
      evidence: { stops: 2 },
    });
    expect(await ask(slipway, '', 3)).toMatchObject({ status: 200, body: { prediction: 6, version: 1 } });
    expect(await slipway.pidOf('lane-1')).toBe(lane);
  });
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
