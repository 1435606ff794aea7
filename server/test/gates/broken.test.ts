import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { errorTable, toSlipwayError } from '../../src/errors.ts';
import { tryCandidate } from '../../src/gates/candidate.ts';

/** Files that a server must survive, each tried in a real candidate process, with what it must get. */
const broken = new URL('../../../spec/broken/', import.meta.url).pathname;
const expected = JSON.parse(readFileSync(join(broken, 'expected.json'), 'utf8')) as {
  cases: Record<string, { format: string; answer: string; why: string }>;
};
const names = readdirSync(broken).filter(
  (name) => expected.cases[name] && readdirSync(join(broken, name)).length > 0,
);
const bounds = { milliseconds: 10_000, bytes: 1024 * 1024 * 1024 };
const results = new Map<string, { code: string; message: string; hint: string } | 'loaded'>();
let folder: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'slipway-broken-'));
  const waiting = [...names];
  const worker = async (): Promise<void> => {
    for (let name = waiting.pop(); name !== undefined; name = waiting.pop())
      results.set(name, await tryOne(name));
  };
  await Promise.all([worker(), worker()]);
}, 600_000);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A case of one file is given as that file, any other as its folder. */
function given(name: string): { name: string; path: string } {
  const own = join(broken, name);
  if (name === 'onnx_external_symlink') {
    cpSync(own, join(folder, name), { recursive: true });
    symlinkSync('/etc/hostname', join(folder, name, 'weights.bin'));
    return { name, path: join(folder, name) };
  }
  const [only, ...more] = readdirSync(own);
  const isAlone = more.length === 0 && only!.startsWith('model');
  return isAlone ? { name: only!, path: join(own, only!) } : { name, path: own };
}

async function tryOne(name: string): Promise<{ code: string; message: string; hint: string } | 'loaded'> {
  try {
    return await tryCandidate(
      {
        file: given(name),
        baseline: null,
        golden: null,
        label: null,
        classes: null,
        onnx: null,
        rounds: 'best',
      },
      bounds,
      async () => 'loaded' as const,
    );
  } catch (error) {
    const { code, message, hint } = toSlipwayError(error);
    return { code, message, hint };
  }
}

test('every case is here', () => {
  expect(names).toHaveLength(Object.keys(expected.cases).length);
});

test.each(names)('%s', (name) => {
  const result = results.get(name)!;
  const { answer, why } = expected.cases[name]!;
  if (result === 'loaded') {
    expect(['reject-or-exact', 'timeout'], `${why}: it was loaded`).toContain(answer);
    return;
  }
  expect(result.code in errorTable, result.code).toBe(true);
  expect(result.code).not.toBe('INTERNAL');
  // Words, not a stack.
  expect(result.message).not.toMatch(/\n|\bat .*:\d+:\d+/);
  expect(result.hint.length).toBeGreaterThan(10);
});

test('no code of a file was run', () => {
  for (const place of [process.cwd(), broken, folder, tmpdir()])
    expect(existsSync(join(place, 'slipway-was-owned'))).toBe(false);
});
