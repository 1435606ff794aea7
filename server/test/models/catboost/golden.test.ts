import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { readGolden } from '../../../src/gates/golden.ts';
import { catboost } from '../../../src/models/catboost/catboost.ts';
import type { ForestModel } from '../../../src/models/forest/attach.ts';
import { answerWidth } from '../../../src/signature.ts';
import { newFrame } from '../../../src/tensor.ts';
import { spec } from '../forest/fixture.ts';

const files = readdirSync(spec('models'))
  .filter((name) => name.startsWith('cat_'))
  .flatMap((folder) => ['model.json', 'model.cbm'].map((file) => ({ folder, file })))
  .filter(({ folder, file }) => existsSync(spec(`models/${folder}/${file}`)));

async function load(folder: string, file: string) {
  const path = spec(`models/${folder}/${file}`);
  const prepared = await catboost.prepare({ main: file, path }, {});
  const model = (await catboost.attach(prepared.program, prepared.signature)) as ForestModel;
  const text = readFileSync(spec(`models/${folder}/golden.json`), 'utf8');
  const { outputs } = JSON.parse(text) as { outputs: { name: string; data: (number | string)[] }[] };
  const output = (name: string) =>
    outputs
      .find((one) => one.name === name)!
      .data.flat()
      .map(Number);
  return { ...prepared, model, output, frame: readGolden(text, 'golden.json', prepared.signature).frame };
}

describe('golden rows of CatBoost 1.2 and 1.2.10', () => {
  it('are there', () => {
    expect(files.length).toBeGreaterThanOrEqual(35);
  });

  it.each(files)('$folder/$file: margins to the bit, answers to 1e-15', async ({ folder, file }) => {
    const { model, frame, output, signature } = await load(folder, file);
    const margins = new Float64Array(output('margin').length);
    model.margins(frame, margins);
    expect([...margins]).toEqual(output('margin'));

    const expected = output('predict');
    const answers = new Float64Array(expected.length);
    model.predict(frame, answers);
    answers.forEach((answer, k) => {
      // exp of the C library and of V8 may differ in the last bit, and one probability is 1 less the other.
      expect(Math.abs(answer - expected[k]!)).toBeLessThanOrEqual(
        1e-15 * Math.max(0.25, Math.abs(expected[k]!)),
      );
    });

    const alone = newFrame(1, frame.width);
    alone.texts = frame.texts;
    const width = answerWidth(signature);
    const answer = new Float64Array(width);
    for (let row = 0; row < frame.rows; row++) {
      alone.values.set(frame.values.subarray(row * frame.width, (row + 1) * frame.width));
      model.predict(alone, answer);
      expect([...answer]).toEqual([...answers.subarray(row * width, (row + 1) * width)]);
    }
  });

  it('are answered alike by both files of a model', async () => {
    for (const folder of new Set(files.map((one) => one.folder))) {
      if (!existsSync(spec(`models/${folder}/model.json`))) continue;
      const [json, cbm] = [await load(folder, 'model.json'), await load(folder, 'model.cbm')];
      expect(json.signature).toEqual(cbm.signature);
      expect({ ...json.facts, format: '' }).toEqual({ ...cbm.facts, format: '' });
    }
  });
});

describe('what a file says of itself', () => {
  it('is in the signature and the facts', async () => {
    const { signature, facts } = await load('cat_ctr_lossguide', 'model.cbm');
    expect(signature).toMatchObject({
      task: 'binary',
      classes: [0, 1],
      answer: { column: 1, width: 1 },
      features: [
        { name: 'color', type: 'string' },
        { name: 'x1', type: 'number' },
        { name: 'x2', type: 'number' },
        { name: 'place', type: 'string' },
        { name: 'x3', type: 'number' },
      ],
    });
    expect(signature.inputs.map(({ datatype }) => datatype)).toEqual([
      'BYTES',
      'FP32',
      'FP32',
      'BYTES',
      'FP32',
    ]);
    expect(facts).toMatchObject({
      frameworkVersion: '1.2.10',
      loss: 'Logloss',
      trees: 8,
      symmetricTrees: false,
      categoricalFeatures: 2,
    });
    const text = (await load('cat_onevsall_depthwise', 'model.json')).signature;
    expect(text).toMatchObject({ task: 'multiclass', classes: ['high', 'low', 'mid', 'top'] });
  });

  it('gives way to the classes that the user names, if they are as many', async () => {
    const files = { main: 'model.cbm', path: spec('models/cat_binary_nan/model.cbm') };
    const { signature } = await catboost.prepare(files, { classes: ['malignant', 'benign'] });
    expect(signature.classes).toEqual(['malignant', 'benign']);
    await expect(catboost.prepare(files, { classes: ['one'] })).rejects.toMatchObject({
      code: 'INVALID_REQUEST',
    });
  });
});

it('takes a missing category for the text "nan"', async () => {
  const { model, frame } = await load('cat_ctr_kinds', 'model.cbm');
  const one = newFrame(2, frame.width);
  one.values.set(frame.values.subarray(0, frame.width));
  one.values.set(frame.values.subarray(0, frame.width), frame.width);
  one.texts = [...frame.texts, 'nan'];
  one.values[0] = Number.NaN;
  one.values[frame.width] = one.texts.length - 1;
  const answers = new Float64Array(4);
  model.predict(one, answers);
  expect(answers.slice(0, 2)).toEqual(answers.slice(2));
});
