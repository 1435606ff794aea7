import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { firstDifference, readGolden } from '../../../src/gates/golden.ts';
import { onnx } from '../../../src/models/onnx/onnx.ts';
import { answerWidth } from '../../../src/signature.ts';

const models = new URL('../../../../spec/models/', import.meta.url).pathname;
const names = readdirSync(models).filter(
  (name) => existsSync(`${models}${name}/model.onnx`) && existsSync(`${models}${name}/golden.json`),
);

async function answer(path: string, golden: string) {
  const prepared = await onnx.prepare({ main: 'model.onnx', path }, {});
  const model = await onnx.attach(prepared.program, prepared.signature);
  const rows = readGolden(golden, 'golden.json', prepared.signature);
  const answers = new Float64Array(rows.frame.rows * answerWidth(prepared.signature));
  await model.predict(rows.frame, answers);
  await model.close?.();
  return { prepared, rows, answers };
}

describe('golden rows', () => {
  test.each(names)('%s', async (name) => {
    const { prepared, rows, answers } = await answer(
      `${models}${name}/model.onnx`,
      readFileSync(`${models}${name}/golden.json`, 'utf8'),
    );
    expect(firstDifference(rows, answers, prepared.signature, onnx.tolerance)).toBeNull();
  });

  test.each(names.filter((name) => existsSync(`${models}${name}/model_zipmap.onnx`)))(
    '%s with its ZipMap',
    async (name) => {
      // The same model under other output names.
      const golden = readFileSync(`${models}${name}/golden.json`, 'utf8')
        .replaceAll('"name": "label"', '"name": "output_label"')
        .replaceAll('"name": "probabilities"', '"name": "output_probability"');
      const { prepared, rows, answers } = await answer(`${models}${name}/model_zipmap.onnx`, golden);
      expect(rows.outputs).toHaveLength(2);
      expect(firstDifference(rows, answers, prepared.signature, onnx.tolerance)).toBeNull();
    },
  );
});
