import { chmodSync, cpSync, existsSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { usualPauses } from '../../../src/models/python/backoff.ts';
import { KeptChild } from '../../../src/models/python/kept-child.ts';
import { python } from '../../../src/models/python/python.ts';
import { PythonModel } from '../../../src/models/python/python-model.ts';
import type { PythonSettings } from '../../../src/models/python/settings.ts';
import type { ProcessLoss } from '../../../src/process-loss.ts';
import type { Signature } from '../../../src/signature.ts';
import type { Trouble } from '../../../src/trouble.ts';
import { inRepository, until } from '../../processes/harness.ts';
import { interpreter, pythonIn } from './interpreter.ts';

const source = inRepository('spec/python/unruly');
const signature: Signature = {
  task: 'regression',
  features: [
    { name: 'do', type: 'string' },
    { name: 'x', type: 'number' },
  ],
  inputs: [
    { name: 'do', datatype: 'BYTES', shape: [-1], column: 0, width: 1 },
    { name: 'x', datatype: 'FP64', shape: [-1], column: 1, width: 1 },
  ],
  outputs: [{ name: 'predict', datatype: 'FP64', shape: [-1], column: 0, width: 1 }],
  answer: { column: 0, width: 1 },
  missingAllowed: false,
};

let end: (() => Promise<void>) | null = null;
afterEach(() => end?.());

/** The unruly model with quick pauses, and what it said. */
async function unruly(settings: Partial<PythonSettings> = {}, steady = 60_000) {
  const folder = mkdtempSync(join(tmpdir(), 'slipway-unruly-'));
  cpSync(source, folder, { recursive: true });
  const child = new KeptChild(folder, pythonIn('/nowhere', settings), 'model.py', {
    ...usualPauses,
    first: 10,
    steady,
  });
  const troubles: (Trouble | null)[] = [];
  const lines: string[] = [];
  await child.begin();
  child.take(signature.features);
  const losses: ProcessLoss[] = [];
  child.listen({
    trouble: (one) => troubles.push(one),
    lost: (one) => losses.push(one),
    line: (one) => lines.push(one),
    end: () => {},
  });
  const model = new PythonModel(child, signature);
  end = () => model.close();
  const ask = async (what: string, x = 1): Promise<number | string> => {
    const answers = new Float64Array(1);
    const frame = { rows: 1, width: 2, values: Float64Array.of(0, x), texts: [what] };
    return model.predict(frame, answers, []).then(
      () => answers[0]!,
      (error: { code: string; message: string }) => `${error.code}: ${error.message}`,
    );
  };
  return { folder, child, model, ask, troubles, losses, lines };
}

function isAlive(pid: number): boolean {
  try {
    // What nobody has waited for yet is dead all the same.
    return !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
}

describe.skipIf(!interpreter)('a process that is kept', () => {
  test('answers, and says in words what predict raised, and where', async () => {
    const { ask, lines, troubles } = await unruly();
    expect(await ask('', 21)).toBe(42);
    expect(await ask('raise')).toMatch(
      /^PREDICTION_FAILED: predict\(\) raised ValueError: no such luck \(model\.py, line \d+\)\.$/,
    );
    expect(await ask('exit')).toContain('PREDICTION_FAILED: predict() raised SystemExit');
    expect(await ask('print', 4)).toBe(8);
    await until(() => lines.includes('from predict'), 'what it printed');
    expect(lines).toContain('unruly is loaded');
    expect(lines.join('\n')).toContain('Traceback');
    expect(troubles).toEqual([]);
  });

  test('says when it answers otherwise than at its gate', async () => {
    const { ask } = await unruly();
    expect(await ask('fewer')).toContain('raised ValueError: output "predict" has 0 rows, not the 1');
    expect(await ask('text')).toContain('PREDICTION_FAILED: Output "predict" is BYTES');
    expect(await ask('', 3)).toBe(6);
  });

  test('is started again when it crashes: one request fails, those behind it wait', async () => {
    const { ask, troubles, losses, lines, model } = await unruly();
    const [crash, next, after] = await Promise.all([ask('crash'), ask('', 1), ask('', 2)]);
    expect(crash).toBe('PYTHON_CRASHED: Its process was ended by SIGABRT.');
    expect([next, after]).toEqual([2, 4]);
    expect(troubles.map((one) => one?.message)).toEqual([
      'Its process was ended by SIGABRT. It is started again in 0.01 s.',
      'Its process was ended by SIGABRT. It runs again.',
    ]);
    expect(model.restarts).toBe(1);
    expect(losses).toEqual([{ why: 'crash', detail: 'SIGABRT' }]);
    // Where in its code it was.
    await until(() => lines.some((line) => line.includes('in predict')), 'its last words');
    expect(troubles.at(-1)?.lines?.some((line) => line.includes('in predict'))).toBe(true);
  });

  test('is ended when it hangs, and says where', async () => {
    const { ask, lines, troubles, losses } = await unruly({ callMs: 3000 });
    expect(await ask('hang')).toContain('PYTHON_TIMEOUT: It did not answer within 3 s');
    expect(await ask('', 5)).toBe(10);
    expect(losses).toEqual([{ why: 'hang', detail: '3 s' }]);
    expect(troubles[0]?.message).toContain('did not return within 3 s');
    expect(lines.some((line) => line.includes('in predict'))).toBe(true);
  });

  test('is not blamed for what held up whoever waits for it', async () => {
    const { ask, losses } = await unruly({ callMs: 1500 });
    const answer = ask('', 5);
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 3000);
    expect(await answer).toBe(10);
    expect(losses).toEqual([]);
  });

  test('is not blamed for what another ended, nor when it does not come up again', async () => {
    const { ask, folder, troubles, losses } = await unruly();
    const pid = Number(await ask('pid'));
    const main = join(folder, 'model.py');
    chmodSync(main, 0o600);
    writeFileSync(main, 'import os\ndef load():\n    os.abort()\ndef predict(frame):\n    return []\n');
    process.kill(pid, 'SIGKILL');
    await until(() => troubles.some((one) => one?.message.includes('SIGABRT')), 'it not to come up');
    expect(losses).toEqual([]);
  });

  test.skipIf(process.platform !== 'linux')('is ended when it holds too much memory', async () => {
    const { ask, troubles, losses } = await unruly({ bytes: 300e6 });
    expect(await ask('leak')).toContain('PYTHON_CRASHED: Its process used more than the 300 MB');
    expect(await ask('', 5)).toBe(10);
    expect(losses).toEqual([]);
    expect(troubles[0]?.message).toContain('used more than the 300 MB');
  });

  test('is well again after a while without an accident', async () => {
    const { ask, troubles } = await unruly({}, 300);
    await ask('crash');
    await until(() => troubles.length >= 3, 'it to recover');
    expect(troubles[2]).toBeNull();
  });

  test('is left alone longer each time, and is then asked nothing in vain', async () => {
    const { child, ask, troubles } = await unruly();
    for (let time = 0; time < 3; time++) await ask('crash');
    expect(troubles.at(-1)).toMatchObject({ level: 'act' });
    expect(troubles.at(-1)?.message).toContain('3 times in a row. It is started again in 0.04 s');
    child.close();
    expect(await ask('')).toContain('PYTHON_AWAY');
  });

  test.skipIf(process.platform !== 'linux')('goes with what it started', async () => {
    const { model, ask, folder } = await unruly();
    const pid = Number(await ask('pid'));
    const started = Number(await ask('orphan'));
    expect([pid, started].map(isAlive)).toEqual([true, true]);
    expect(existsSync(folder)).toBe(true);
    await model.close();
    await until(() => ![pid, started].some(isAlive), 'both to go');
    expect(existsSync(folder)).toBe(false);
  });

  test('sees no secrets of others', async () => {
    process.env.SLIPWAY_UPSTREAM_TOKEN = 'secret';
    try {
      const { ask } = await unruly();
      expect(await ask('secret')).toBe(0);
    } finally {
      delete process.env.SLIPWAY_UPSTREAM_TOKEN;
    }
  });

  test('what cannot be started is said', async () => {
    const none = pythonIn('/nowhere', { interpreter: '/nowhere/python' });
    const child = new KeptChild('/nowhere/folder', none, 'model.py', usualPauses);
    await expect(child.begin()).rejects.toMatchObject({ code: 'PYTHON_UNUSABLE' });
  });
});

test('nothing is run that was not allowed', async () => {
  const files = { main: 'model.py', path: `${source}/model.py` };
  await expect(python.prepare(files, {})).rejects.toMatchObject({ code: 'PYTHON_NOT_ALLOWED' });
});
