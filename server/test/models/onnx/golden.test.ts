import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { assert, describe, expect, test } from 'vitest';
import { readGolden } from '../../../src/gates/golden.ts';
import { firstDifference } from '../../../src/gates/golden-difference.ts';
import type { ModelHints } from '../../../src/models/model.ts';
import { onnx } from '../../../src/models/onnx/onnx.ts';
import { answerWidth, isScored, predictedClass } from '../../../src/signature.ts';

const models = new URL('../../../../spec/models/', import.meta.url).pathname;
const names = readdirSync(models).filter(
  (name) => existsSync(`${models}${name}/model.onnx`) && existsSync(`${models}${name}/golden.json`),
);
const zipMapped = names.filter((name) => existsSync(`${models}${name}/model_zipmap.onnx`));

/** What only the user knows of a file. */
const hints: Record<string, ModelHints> = {
  // Twelve outputs of two numbers each: which of them are the probabilities.
  onnx_all_types: { classes: ['no', 'yes'] },
  // How long a sequence is.
  onnx_lstm: { onnx: { shapes: { sequence: [12, 3] } } },
};

async function answer(path: string, golden: string) {
  const said = Object.entries(hints).find(([name]) => path.includes(name))?.[1] ?? {};
  const prepared = await onnx.prepare({ main: 'model.onnx', path }, said);
  const model = await onnx.attach(prepared.program, prepared.signature);
  const rows = readGolden(golden, 'golden.json', prepared.signature);
  const answers = new Float64Array(rows.frame.rows * answerWidth(prepared.signature));
  const texts: string[] = [];
  await model.predict(rows.frame, answers, texts);
  await model.close?.();
  return { prepared, rows, answers, texts };
}
const goldenOf = (name: string): string => readFileSync(`${models}${name}/golden.json`, 'utf8');

describe('golden rows of onnxruntime 1.32.0', () => {
  test('every fixture is here', () => {
    expect(names.length).toBeGreaterThanOrEqual(25);
    expect(zipMapped.length).toBeGreaterThanOrEqual(7);
  });

  test.each(names)('%s', async (name) => {
    const { prepared, rows, answers, texts } = await answer(`${models}${name}/model.onnx`, goldenOf(name));
    expect(firstDifference(rows, answers, texts, prepared.signature, onnx.tolerance)).toBeNull();
  });

  test.each(zipMapped)('%s with its ZipMap', async (name) => {
    // The same model, and its golden rows, under other output names.
    const path = `${models}${name}/model_zipmap.onnx`;
    const { prepared, rows, answers, texts } = await answer(path, goldenOf(name));
    expect(rows.outputs.map(({ name }) => name)).toEqual(['label', 'probabilities']);
    expect(firstDifference(rows, answers, texts, prepared.signature, onnx.tolerance)).toBeNull();
  });
});

describe('the predicted class is the one that the model says', () => {
  // Scores that are no probabilities (distances from a plane), and an SVM whose probabilities are fitted beside it.
  test.each([
    ['sk_hinge', { scores: true, label: { column: 0, holds: 'class' } }],
    ['sk_ridge_classifier', { scores: true, label: { column: 0, holds: 'class' } }],
    ['sk_svc_labels', { label: { column: 0, holds: 'class' } }],
    ['sk_multinomial', { label: { column: 0, holds: 'class' } }],
  ])('%s', async (name, known) => {
    const { prepared, rows, answers } = await answer(`${models}${name}/model.onnx`, goldenOf(name));
    const { signature } = prepared;
    assert(isScored(signature));
    expect(signature.answer).toMatchObject(known);
    expect('scores' in signature.answer).toBe('scores' in known);
    const { data } = rows.outputs.find(({ name }) => /label/.test(name))!;
    const predicted = data.map((_, row) => signature.classes![predictedClass(signature, answers, row)]);
    expect(predicted).toEqual(data.flat());
  });
});
