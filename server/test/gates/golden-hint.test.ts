import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { tryCandidate } from '../../src/gates/candidate.ts';
import { goldenHint } from '../../src/gates/golden-hint.ts';

test('golden rows of all rounds, where the best are served, are told how to be met', async () => {
  const folder = new URL('../../../spec/models/xgb_early_stop/', import.meta.url);
  const given = (name: string) => ({ name, path: fileURLToPath(new URL(name, folder)) });
  const trial = {
    ...{ file: given('model.json'), golden: given('golden.json'), baseline: null, label: null },
    ...{ classes: null, onnx: null },
  };
  const bounds = { milliseconds: 60_000, bytes: 2 ** 31 };
  const tried = tryCandidate({ ...trial, rounds: 'best' }, bounds, async () => 'passed');
  await expect(tried).rejects.toMatchObject({
    code: 'GATE_FAILED',
    hint: expect.stringMatching(/of \d+ rounds the best \d+ are served.*--rounds all/),
  });
  expect(await tryCandidate({ ...trial, rounds: 'all' }, bounds, async () => 'passed')).toBe('passed');
});

test('quantised graphs are told of processors', () => {
  expect(goldenHint({ operators: 'DynamicQuantizeLinear, MatMulInteger × 2' }, 'g.json')).toContain('VNNI');
  expect(goldenHint({ operators: 'MatMul' }, 'g.json')).toContain('this very file');
});
