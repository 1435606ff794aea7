import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { SlipwayError } from '../../src/errors.ts';
import { type Tried, tryCandidate } from '../../src/gates/candidate.ts';

/** Folders that MLflow 3.17.2 saved, tried in a real candidate process. */
const spec = new URL('../../../spec/mlflow/', import.meta.url).pathname;
const bounds = { milliseconds: 30_000, bytes: 2 * 1024 * 1024 * 1024 };
let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'slipway-mlflow-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const tryFolder = (path: string, golden: string | null = null): Promise<Tried> =>
  tryCandidate(
    {
      file: { name: 'churn', path },
      golden: golden === null ? null : { name: 'golden.json', path: golden },
      baseline: null,
      label: null,
      classes: null,
      onnx: null,
      rounds: 'best',
    },
    bounds,
    async (tried) => tried,
  );

/** The golden rows with an output under the name that the version gives it; what is left out is not compared. */
function goldenFor(name: string, renamed: Record<string, string>): string {
  const golden = JSON.parse(readFileSync(join(spec, name, 'golden.json'), 'utf8')) as {
    outputs: { name: string }[];
  };
  golden.outputs = golden.outputs.map((one) => ({ ...one, name: renamed[one.name] ?? one.name }));
  const path = join(folder, `${name}.json`);
  writeFileSync(path, JSON.stringify(golden));
  return path;
}

/** A copy of a folder with a change in its description. */
function changed(name: string, from: string, to: string): string {
  const own = mkdtempSync(join(folder, `${name}-`));
  cpSync(join(spec, name), own, { recursive: true });
  const text = readFileSync(join(own, 'MLmodel'), 'utf8');
  expect(text).toContain(from);
  writeFileSync(join(own, 'MLmodel'), text.replaceAll(from, to));
  return own;
}

describe('answers as MLflow’s pyfunc does', () => {
  test('onnx, tensor-based signature', async () => {
    const tried = await tryFolder(join(spec, 'onnx'), join(spec, 'onnx', 'golden.json'));
    expect(tried).toMatchObject({ kind: 'onnx', source: { main: 'model.onnx' } });
    expect(tried.gates.map(({ name }) => name)).toEqual([
      'loads',
      'input example',
      'golden rows',
      'time per row',
      'where it runs',
    ]);
    expect(tried.facts).toMatchObject({ frameworkVersion: '1.23.2', mlflow: 'onnx, saved by MLflow 3.17.2' });
  });

  test('lightgbm, column-based signature', async () => {
    const tried = await tryFolder(join(spec, 'lightgbm'), goldenFor('lightgbm', { pyfunc: 'predict' }));
    expect(tried).toMatchObject({ kind: 'lightgbm', facts: { frameworkVersion: '4.7.0' } });
    expect(tried.gates.find(({ name }) => name === 'input example')?.detail).toMatch(/^\d+ rows answered/);
    expect(tried.signature.features[0]).toEqual({ name: 'mean_radius', type: 'number' });
  });

  test('xgboost, a Booster as UBJSON', async () => {
    const tried = await tryFolder(join(spec, 'xgboost_ubj'), goldenFor('xgboost_ubj', { pyfunc: 'predict' }));
    expect(tried).toMatchObject({ kind: 'xgboost', source: { main: 'model.ubj' } });
    expect(tried.gates.map(({ name }) => name)).toContain('golden rows');
  });

  test('xgboost, an XGBClassifier as JSON: the probability of the second class', async () => {
    const path = goldenFor('xgboost', { probabilities: 'predict' });
    const golden = JSON.parse(readFileSync(path, 'utf8')) as {
      outputs: { name: string; shape: number[]; data: number[][] }[];
    };
    const second = golden.outputs.find(({ name }) => name === 'predict')!;
    const column = { ...second, shape: [second.shape[0]!], data: second.data.map((row) => row[1]!) };
    writeFileSync(path, JSON.stringify({ ...golden, outputs: [column] }));
    const tried = await tryFolder(join(spec, 'xgboost'), path);
    expect(tried).toMatchObject({ kind: 'xgboost', signature: { task: 'binary' } });
    expect(tried.gates.map(({ name }) => name)).toContain('golden rows');
  });
});

describe('Python objects are refused with the way out', () => {
  test.each([
    ['sklearn', 'FILE_UNSAFE', 'sklearn', 'skl2onnx'],
    ['sklearn_skops', 'FILE_UNSAFE', 'sklearn', 'skl2onnx'],
    ['lightgbm_sklearn', 'FILE_UNSUPPORTED', 'model.skops', 'booster_'],
  ])('%s', async (name, code, says, way) => {
    const thrown = (await tryFolder(join(spec, name)).catch((error: unknown) => error)) as SlipwayError;
    expect(thrown).toBeInstanceOf(SlipwayError);
    expect(thrown.code).toBe(code);
    expect(thrown.message).toContain(says);
    expect(thrown.hint).toContain(way);
  });
});

test('the signature names columns that the file does not', async () => {
  const own = changed('lightgbm', 'mean_radius', 'mean_radius');
  const path = join(own, 'model.lgb');
  const text = readFileSync(path, 'utf8');
  const unnamed = Array.from({ length: 30 }, (_, i) => `Column_${i}`).join(' ');
  writeFileSync(path, text.replace(/^feature_names=.*$/m, `feature_names=${unnamed}`));
  const { signature } = await tryFolder(own);
  expect(signature.features.slice(0, 2).map(({ name }) => name)).toEqual(['mean_radius', 'mean_texture']);
});

test('a signature that is not the file’s is refused', async () => {
  await expect(tryFolder(changed('lightgbm', 'mean_texture', 'smell'))).rejects.toMatchObject({
    code: 'FILE_BROKEN',
    message:
      'churn: MLflow’s signature and the model file differ: column 1 is "smell" to it, "mean_texture" to the file.',
  });
});

test('an input example that does not fit stops the version', async () => {
  const own = changed('lightgbm', 'mean_radius', 'mean_radius');
  writeFileSync(join(own, 'input_example.json'), '{"columns": ["mean_radius"], "data": [[1]]}');
  await expect(tryFolder(own)).rejects.toMatchObject({
    code: 'GATE_FAILED',
    message: expect.stringContaining('Gate "input example"'),
  });
});
