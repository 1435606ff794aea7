import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { type Tried, tryCandidate } from '../../src/gates/candidate.ts';
import type { CandidateProcess } from '../../src/gates/candidate-process.ts';
import { Candidates } from '../../src/gates/candidates.ts';
import type { Weight } from '../../src/gates/weigh.ts';
import { inRepository, until } from '../processes/harness.ts';

const bounds = { milliseconds: 60_000, bytes: 2 ** 31 };
const name = `slipway-candidates-test-${process.pid}-`;
const candidates: Candidates[] = [];
afterEach(() => {
  for (const one of candidates.splice(0)) one.close();
  expect(folders()).toEqual([]);
});

function begun(): Candidates {
  const one = new Candidates(bounds, name);
  candidates.push(one);
  return one;
}

function folders(): string[] {
  return readdirSync(tmpdir()).filter((one) => one.startsWith(name));
}

/** Processes that this one's threads have started and that are still there. */
function children(): number[] {
  const tasks = `/proc/${process.pid}/task`;
  return readdirSync(tasks).flatMap((task) => {
    const text = readFileSync(join(tasks, task, 'children'), 'utf8').trim();
    return text === '' ? [] : text.split(' ').map(Number);
  });
}

function deploy(file: string, from: Candidates): Promise<{ tried: Tried & Weight; folder: string }> {
  const path = inRepository(file);
  const trial = { file: { name: basename(path), path }, baseline: null, golden: null, label: null };
  return tryCandidate(
    { ...trial, classes: null, onnx: null, rounds: 'best' },
    bounds,
    async (tried, folder) => {
      expect(existsSync(join(folder, 'program'))).toBe(true);
      return { tried, folder };
    },
    from,
  );
}

test('a file is tried by processes that were started for it alone', async () => {
  const from = begun();
  from.expect();
  const ahead = folders();
  expect(ahead).toHaveLength(2);
  from.expect();
  expect(folders()).toEqual(ahead);
  const first = await deploy('examples/electricity/model.txt', from);
  expect(ahead).toContain(basename(first.folder));
  expect(first.tried.memoryBytes).toBeGreaterThan(0);
  expect(first.tried.attachedBytes).toBeGreaterThan(0);
  // Both are used up: the next file gets others.
  expect(folders()).toEqual([]);
  const second = await deploy('spec/models/xgb_regression/model.json', from);
  expect(second.folder).not.toBe(first.folder);
});

test.runIf(existsSync('/proc/self/task'))('a process that died while it waited is not used', async () => {
  const from = begun();
  const before = new Set(children());
  from.expect();
  const ahead = folders();
  const started = children().filter((pid) => !before.has(pid));
  expect(started).toHaveLength(2);
  for (const pid of started) process.kill(pid, 'SIGKILL');
  await until(() => !children().some((pid) => started.includes(pid)), 'the killed processes to be gone');
  const { folder } = await deploy('examples/electricity/model.txt', from);
  expect(ahead).not.toContain(basename(folder));
});

test('a file that does not load is refused, and nothing of it is left', async () => {
  const from = begun();
  from.expect();
  await expect(deploy('examples/electricity/elec.csv', from)).rejects.toMatchObject({
    code: 'FILE_NOT_RECOGNISED',
  });
});

test('what a process says last counts, however late it is heard', async () => {
  const load = { kind: 'no such kind', program: '/nowhere', signature: { inputs: [], outputs: [] } } as never;
  const from = begun();
  for (let time = 0; time < 8; time++) {
    const before = children();
    await from.use(async (take) => {
      const tried = take().do({ type: 'weigh', load }, 'model.json', 'being weighed');
      const refused = expect(tried).rejects.toMatchObject({ code: 'ATTACH_FAILED' });
      const [pid] = children().filter((one) => !before.includes(one));
      // This process hears nothing until the other has answered and ended.
      while (!/\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'latin1')))
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 10);
      await refused;
    });
  }
});

test('only so many files are tried at a time', async () => {
  const from = begun();
  let now = 0;
  let most = 0;
  const work = async (take: () => CandidateProcess): Promise<string> => {
    most = Math.max(most, ++now);
    const { folder } = take();
    await new Promise((resolve) => setImmediate(resolve));
    now--;
    return folder;
  };
  const used = await Promise.all(Array.from({ length: 10 }, () => from.use(work)));
  expect(new Set(used).size).toBe(10);
  expect(most).toBeLessThanOrEqual(8);
  await expect(
    from.use(() => {
      throw new Error('no');
    }),
  ).rejects.toThrow('no');
});

test('what a killed process has left is removed, and nothing else', () => {
  const [left, other] = [`${name}left`, `slipway-candidates-other-${process.pid}`];
  for (const one of [left, other]) mkdirSync(join(tmpdir(), one, 'deeper'), { recursive: true });
  begun().clean();
  expect(existsSync(join(tmpdir(), left))).toBe(false);
  expect(existsSync(join(tmpdir(), other))).toBe(true);
  // Its name is this one's beginning now.
  new Candidates(bounds, other).clean();
  expect(existsSync(join(tmpdir(), other))).toBe(false);
});
