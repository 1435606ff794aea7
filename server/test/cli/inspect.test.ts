import { execFile } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { wrap } from '../../src/cli/output.ts';
import { type Described, versionPage } from '../../src/cli/version-page.ts';
import { inRepository } from '../processes/harness.ts';

/** The command as it is typed, without a server. */
let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'slipway-inspect-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function inspect(...given: string[]): Promise<{ code: number; out: string; error: string }> {
  const command = [inRepository('server/src/cli/main.ts'), 'inspect', ...given];
  try {
    const { stdout, stderr } = await promisify(execFile)(process.execPath, command, { cwd: folder });
    return { code: 0, out: stdout, error: stderr };
  } catch (thrown) {
    const { code, stdout, stderr } = thrown as { code: number; stdout: string; stderr: string };
    return { code, out: stdout, error: stderr };
  }
}

test('a folder, for a person: at most 80 columns', async () => {
  const { code, out } = await inspect(inRepository('spec/mlflow/lightgbm'));
  expect(code).toBe(0);
  const lines = out.split('\n');
  expect(lines.filter((line) => line.length > 80)).toEqual([]);
  for (const says of [
    /^lightgbm, binary$/m,
    /^made with +lightgbm 4\.7\.0$/m,
    /^memory +[\d.]+ [kM]?B in a lane, by --model-memory; [\d.]+ [kM]?B\s+as\s+the\s+first/m,
    /^single row +[\d.]+ µs a row$/m,
    /^trees +15$/m,
    /^max depth +6$/m,
    /^missing +null is taken, by a rule of the model’s own$/m,
    /^inputs +X FP64 \[row, 30\]$/m,
    /^worst_perimeter +number +9 +1116 +█+$/m,
    /^✓ input example: 3 rows answered/m,
  ])
    expect(out).toMatch(says);
});

test('a narrow terminal: what goes on in a second line begins below its first', async () => {
  const { out } = await inspect(inRepository('spec/models/sk_pipeline_mixed/model.onnx'), '--json');
  const lines = versionPage(JSON.parse(out) as Described, 44).split('\n');
  // Digests stay whole.
  const others = lines.filter((line) => !line.startsWith('digest'));
  expect(others.filter((line) => line.length > 44)).toEqual([]);
  // What fits is not broken again where it is said.
  expect(wrap(others.join('\n'), 44)).toBe(others.join('\n'));
  const inputs = lines.findIndex((line) => line.startsWith('inputs'));
  expect(lines.slice(inputs, inputs + 3)).toEqual([
    'inputs      band BYTES [row, 1],',
    '            load BYTES [row, 1],',
    '            nswprice FP32 [row, 1],',
  ]);
});

test('coefficients, the greatest first whatever its sign', async () => {
  const { out } = await inspect(inRepository('spec/models/xgb_gblinear/model.json'));
  const from = out.split('\n').findIndex((line) => /^feature +type +coefficient +share/.test(line));
  const [first, second, third] = out.split('\n').slice(from + 1);
  expect(first).toMatch(/^worst concavity +number +-1\.696 +█+/);
  expect(second).toMatch(/^texture error +number +0\.6863 +█+/);
  expect(third).toMatch(/^perimeter error +number +-0\.09865 +█/);
});

test('a file, for a program; and as an archive the same', async () => {
  const file = await inspect(inRepository('spec/models/lgb_categorical/model.txt'), '--json');
  const view = JSON.parse(file.out) as Record<string, unknown> & { provenance: { digest: string } };
  expect(view).toMatchObject({
    kind: 'lightgbm',
    task: 'binary',
    provenance: { file: 'model.txt', files: 1, main: 'model.txt' },
    facts: { trees: 20, maxDepth: 9 },
  });
  expect((view.importance as { measure: string }[]).map(({ measure }) => measure)).toEqual([
    'splits',
    'gain',
  ]);
  expect(view.memoryBytes).toBeGreaterThan(0);
  expect(view.attachedBytes).toBeGreaterThanOrEqual(0);
  expect(view.batchMicroseconds).toBeGreaterThan(0);
  const archive = join(folder, 'model.tar.gz');
  await promisify(execFile)('tar', ['-czf', archive, 'model.txt'], {
    cwd: inRepository('spec/models/lgb_categorical'),
  });
  const packed = JSON.parse((await inspect(archive, '--json')).out) as typeof view;
  expect(packed.provenance.digest).toBe(view.provenance.digest);
});

test('what does not pass: the error, and exit code 4', async () => {
  const linked = join(folder, 'linked');
  cpSync(inRepository('spec/mlflow/onnx'), linked, { recursive: true });
  symlinkSync('/etc/hostname', join(linked, 'more.bin'));
  expect(await inspect(linked)).toMatchObject({
    code: 4,
    out: '',
    error: expect.stringMatching(/^FILE_UNSAFE: linked: more\.bin is a link/),
  });
  const pickle = await inspect(inRepository('spec/mlflow/sklearn'), '--json');
  expect(pickle.code).toBe(4);
  expect(JSON.parse(pickle.out)).toMatchObject({ error: { code: 'FILE_UNSAFE' } });
  expect((await inspect('nowhere.txt')).code).toBe(2);
  const hurried = await inspect(inRepository('spec/models/sk_ridge/model.onnx'), '--candidate-timeout', '1');
  expect(hurried).toMatchObject({ code: 4, out: '' });
  expect(hurried.error).toMatch(/^CANDIDATE_TIMEOUT: model\.onnx was not done .*\n.*--candidate-timeout/);
});

test('what a file cannot say is said by the same options as to deploy', async () => {
  const forest = inRepository('spec/models/lgb_categorical/model.txt');
  const lone = await inspect(forest, '--label', 'y');
  expect(lone.code).toBe(2);
  expect(lone.error).toMatch(/--baseline FILE/);
  for (const wrong of [
    ['--onnx-threads', '0'],
    ['--onnx-shape', 'x=5,0'],
    ['--candidate-timeout', '0'],
    ['--candidate-timeout', '4000000000'],
  ])
    expect(await inspect(forest, ...wrong)).toMatchObject({ code: 2, out: '' });
  const graph = inRepository('spec/models/onnx_mlp/model.onnx');
  const { out } = await inspect(graph, '--onnx-optimization', 'basic', '--onnx-threads', '2', '--json');
  expect(JSON.parse(out).facts).toMatchObject({ threads: 2, optimization: 'basic' });
});
