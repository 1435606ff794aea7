import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { lightgbm } from '../../../src/models/forest/lightgbm.ts';
import { decodeProgram } from '../../../src/models/forest/program.ts';
import type { ModelHints } from '../../../src/models/model.ts';
import { spec } from './fixture.ts';

const files = (folder: string) => ({ main: 'model.txt', path: spec(`models/${folder}/model.txt`) });
const prepare = (folder: string, hints: ModelHints = {}) => lightgbm.prepare(files(folder), hints);

describe('the kind lightgbm', () => {
  it('is told by the first bytes', () => {
    const recognises = (head: string) => lightgbm.recognises(Buffer.from(head), files('story_lgb'));
    expect(recognises('tree\nversion=v4\nnum_class=1\n')).toBe(true);
    expect(recognises('tree\r\nversion=v3\r\n')).toBe(true);
    for (const head of ['', 'tree', 'forest\nversion=v4\n', '{"version": [3, 2, 0]}', 'trees\nversion=v4']) {
      expect(recognises(head)).toBe(false);
    }
  });

  it('takes one FP64 tensor X and gives one FP64 tensor predict', async () => {
    const { signature, facts } = await prepare('story_lgb');
    const number = (name: string) => ({ name, type: 'number' });
    expect(signature).toEqual({
      task: 'binary',
      features: ['period', 'nswprice', 'nswdemand', 'vicprice', 'vicdemand', 'transfer'].map(number),
      inputs: [{ name: 'X', datatype: 'FP64', shape: [-1, 6], column: 0, width: 6, unnamed: true }],
      outputs: [{ name: 'predict', datatype: 'FP64', shape: [-1], column: 0, width: 1 }],
      answer: { column: 0, width: 1 },
      missingAllowed: true,
      classes: [0, 1],
    });
    expect(facts).toMatchObject({
      framework: 'lightgbm',
      format: 'v4',
      objective: 'binary sigmoid:1',
      trees: 120,
      leaves: 3720,
      maxDepth: 18,
      features: 6,
      categoricalFeatures: 0,
    });
  });

  it('says which codes training saw, where categories have no names', async () => {
    const { features } = (await prepare('lgb_categorical')).signature;
    expect(features.map(({ type, seen }) => [type, seen?.length])).toEqual([
      ['category', 48],
      ['category', 6],
      ['number', undefined],
      ['number', undefined],
      ['number', undefined],
    ]);
    expect(features[1]?.seen).toEqual([0, 1, 2, 3, 4, 5]);
  });

  it('has a column a class for several classes', async () => {
    const { signature } = await prepare('lgb_multiclass');
    expect(signature.task).toBe('multiclass');
    expect(signature.outputs[0]).toMatchObject({ shape: [-1, 10], width: 10 });
    expect(signature.answer).toEqual({ column: 0, width: 10 });
    expect(signature.classes).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  });

  it.each([
    ['lgb_regression', 'regression'],
    ['lgb_poisson', 'regression'],
    ['lgb_lambdarank', 'ranking'],
  ])('%s has the task %s and no classes', async (folder, task) => {
    const { signature } = await prepare(folder);
    expect(signature.task).toBe(task);
    expect(signature.classes).toBeUndefined();
  });

  it('names the classes as it is told, if there are as many', async () => {
    expect((await prepare('lgb_rf', { classes: ['malignant', 'benign'] })).signature.classes).toEqual([
      'malignant',
      'benign',
    ]);
    await expect(prepare('lgb_rf', { classes: ['a', 'b', 'c'] })).rejects.toMatchObject({
      code: 'INVALID_REQUEST',
      message: 'The model has 2 classes, but 3 were named.',
    });
  });

  it('prepares the same bytes every time', async () => {
    expect((await prepare('lgb_categorical')).program).toEqual((await prepare('lgb_categorical')).program);
  });

  it('refuses to attach bytes that are no whole program', async () => {
    const { program, signature } = await prepare('lgb_constant_tree');
    const newer = program.slice();
    newer[4] = 2;
    for (const bytes of [
      program.subarray(0, -1),
      program.subarray(0, 40),
      newer,
      readFileSync(files('lgb_rf').path),
    ]) {
      await expect(decodeProgram(bytes)).rejects.toMatchObject({ code: 'FILE_BROKEN' });
      await expect(lightgbm.attach(bytes, signature)).rejects.toMatchObject({ code: 'FILE_BROKEN' });
    }
  });

  it('attaches programs that do not begin at the beginning of their buffer', async () => {
    const { program, signature } = await prepare('lgb_constant_tree');
    const shifted = new Uint8Array(program.length + 3);
    shifted.set(program, 3);
    const model = await lightgbm.attach(shifted.subarray(3), signature);
    const answers = new Float64Array(1);
    await model.predict({ rows: 1, width: 10, values: new Float64Array(10), texts: [] }, answers, []);
    expect(answers[0]).toBe(153.61488673139158);
  });
});
