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

const goldenGate = ({ gates }: Tried) => gates.find(({ name }) => name === 'golden rows')?.detail;

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
    const tried = await tryFolder(join(spec, 'lightgbm'), join(spec, 'lightgbm', 'golden.json'));
    expect(tried).toMatchObject({ kind: 'lightgbm', facts: { frameworkVersion: '4.7.0' } });
    expect(tried.gates.find(({ name }) => name === 'input example')?.detail).toMatch(/^\d+ rows answered/);
    expect(tried.signature.features[0]).toEqual({ name: 'mean_radius', type: 'number' });
    expect(goldenGate(tried)).toMatch(
      /^\d+ rows reproduced in "predict" \("pyfunc" in the file\), "predict" \("probabilities" in the file\) within/,
    );
  });

  test('xgboost, a Booster as UBJSON', async () => {
    const tried = await tryFolder(join(spec, 'xgboost_ubj'), join(spec, 'xgboost_ubj', 'golden.json'));
    expect(tried).toMatchObject({ kind: 'xgboost', source: { main: 'model.ubj' } });
    expect(goldenGate(tried)).toContain('"predict" ("pyfunc" in the file)');
  });

  test('xgboost, an XGBClassifier as JSON: the class that its pyfunc says, the second one’s probability', async () => {
    const tried = await tryFolder(join(spec, 'xgboost'), join(spec, 'xgboost', 'golden.json'));
    expect(tried).toMatchObject({ kind: 'xgboost', signature: { task: 'binary' } });
    expect(goldenGate(tried)).toContain(
      '"pyfunc" (the predicted class), "predict" ("probabilities" in the file)',
    );
  });

  test.each([
    [
      'pyfunc',
      (value: unknown) => 1 - (value as number),
      /row 5 of "pyfunc" \(the predicted class\) is 1, not 0/,
    ],
    [
      'probabilities',
      (value: unknown) => [...(value as number[])].reverse(),
      /row 5 of "predict" \("probabilities" in the file\) is 0\.\d+, not 0\.\d+/,
    ],
  ])('a changed %s of it fails the gate', async (output, change, message) => {
    const golden = JSON.parse(readFileSync(join(spec, 'xgboost', 'golden.json'), 'utf8')) as {
      outputs: { name: string; data: unknown[] }[];
    };
    const { data } = golden.outputs.find(({ name }) => name === output)!;
    data[5] = change(data[5]);
    const path = join(folder, `${output}.json`);
    writeFileSync(path, JSON.stringify(golden));
    const thrown = (await tryFolder(join(spec, 'xgboost'), path).catch(
      (error: unknown) => error,
    )) as SlipwayError;
    expect(thrown.code).toBe('GATE_FAILED');
    expect(thrown.message).toMatch(message);
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
