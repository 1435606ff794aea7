import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ModelHints } from '../../../src/models/model.ts';
import { xgboost } from '../../../src/models/xgboost/xgboost.ts';
import { golden, spec } from '../forest/fixture.ts';

const prepare = (folder: string, hints: ModelHints = {}, file = 'model.json') =>
  xgboost.prepare({ main: file, path: spec(`models/${folder}/${file}`) }, hints);

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'slipway-xgboost-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A fixture's JSON with something exchanged. */
function changed(name: string, change: (text: string) => string) {
  const path = join(folder, 'model.json');
  const before = readFileSync(spec(`models/${name}/model.json`), 'utf8');
  const after = change(before);
  expect(after).not.toBe(before);
  writeFileSync(path, after);
  return xgboost.prepare({ main: 'model.json', path }, {});
}

describe('the kind xgboost', () => {
  it('takes one FP32 tensor X and gives one FP32 tensor predict', async () => {
    const { signature, facts } = await prepare('story_xgb');
    const number = (name: string) => ({ name, type: 'number' });
    expect(signature).toEqual({
      task: 'binary',
      features: ['period', 'nswprice', 'nswdemand', 'vicprice', 'vicdemand', 'transfer'].map(number),
      inputs: [{ name: 'X', datatype: 'FP32', shape: [-1, 6], column: 0, width: 6, unnamed: true }],
      outputs: [{ name: 'predict', datatype: 'FP32', shape: [-1], column: 0, width: 1 }],
      answer: { column: 0, width: 1 },
      missingAllowed: true,
      classes: [0, 1],
    });
    expect(facts).toEqual({
      framework: 'xgboost',
      frameworkVersion: '3.2.0',
      booster: 'gbtree',
      objective: 'binary:logistic',
      features: 6,
      categoricalFeatures: 0,
      rounds: 80,
      servedRounds: 80,
      trees: 80,
      leaves: 1823,
      maxDepth: 5,
    });
  });

  it('reads the same from JSON and UBJSON', async () => {
    const [json, ubj] = [await prepare('xgb_frame'), await prepare('xgb_frame', {}, 'model.ubj')];
    expect(ubj).toEqual(json);
  });

  it('says which rounds of a model that was stopped early it serves', async () => {
    const facts = { rounds: 14, bestIteration: 5 };
    expect((await prepare('xgb_early_stop')).facts).toMatchObject({ ...facts, servedRounds: 6, trees: 6 });
    const all = await prepare('xgb_early_stop', { rounds: 'all' });
    expect(all.facts).toMatchObject({ ...facts, servedRounds: 14, trees: 14 });
  });

  it('serves the rounds that there are of a model that was cut before its best one', async () => {
    const { facts } = await changed('xgb_early_stop', (text) =>
      text.replace('"best_iteration":"5"', '"best_iteration":"77"'),
    );
    expect(facts).toMatchObject({ bestIteration: 77, servedRounds: 14 });
  });

  it.each([
    ['xgb_softmax', [1, 3], { column: 1, width: 3 }, 'multiclass'],
    ['xgb_logitraw', [1, 1], { column: 1, width: 1 }, 'binary'],
  ])('%s: probabilities follow what Booster.predict answers', async (name, widths, answer, task) => {
    const { program, signature } = await prepare(name);
    expect(signature.outputs.map(({ name }) => name)).toEqual(['predict', 'probability']);
    expect(signature.outputs.map(({ width }) => width)).toEqual(widths);
    expect(signature).toMatchObject({ answer, task });
    const { frame } = golden(`models/${name}`);
    const width = widths[0]! + widths[1]!;
    const answers = new Float64Array(frame.rows * width);
    const model = await xgboost.attach(program, signature);
    await model.predict(frame, answers, []);
    for (let row = 0; row < frame.rows; row++) {
      const [predict, ...of] = answers.subarray(row * width, (row + 1) * width);
      if (task === 'binary') expect(of[0]).toBeCloseTo(1 / (1 + Math.exp(-predict!)), 6);
      else expect(of.indexOf(Math.max(...of))).toBe(predict);
    }
  });

  it('answers with the median of several quantiles, and with the first of several targets', async () => {
    const quantiles = await prepare('xgb_quantile');
    expect(quantiles.signature).toMatchObject({ task: 'regression', answer: { column: 1, width: 1 } });
    expect(quantiles.facts).toMatchObject({ quantiles: '[1E-1,5E-1,9E-1]', targets: 3, answeredTarget: 1 });
    for (const name of ['xgb_multi_target', 'xgb_vector_leaf']) {
      const { signature } = await prepare(name);
      expect(signature.answer).toEqual({ column: 0, width: 1 });
      expect(signature.outputs[0]).toMatchObject({ shape: [-1, 2], width: 2 });
    }
  });

  it('knows the names of a frame’s categories, and a frame’s types', async () => {
    expect((await prepare('xgb_frame')).signature.features).toEqual([
      { name: 'city', type: 'category', categories: ['', 'Bern', 'Bern Nord', 'NaN', 'Zug', 'a"b'] },
      { name: 'n', type: 'number' },
      { name: 'zone', type: 'category', categories: [10, 20, 30] },
      { name: 'flag', type: 'boolean' },
      { name: 'count', type: 'number' },
    ]);
    expect((await prepare('xgb_codes')).signature.features).toEqual([
      { name: 'f0', type: 'category' },
      { name: 'f1', type: 'category' },
    ]);
  });

  it('has the importances that Booster.get_score gives ("weight" and "total_gain")', async () => {
    const { importance } = await prepare('xgb_frame');
    expect(importance!.map(({ measure }) => measure)).toEqual(['splits', 'gain']);
    expect(importance![0]!.values).toEqual([12, 35, 15, 16, 10]);
    const gain = [
      437.791015625, 708.6362915039062, 165.17837524414062, 216.46713256835938, 30.12134552001953,
    ];
    importance![1]!.values.forEach((value, k) => {
      expect(Math.abs(value / gain[k]! - 1)).toBeLessThan(1e-6);
    });
  });

  it('has the coefficients of gblinear that Booster.get_score gives (XGBoost 3.2.0), of one output', async () => {
    const [only, ...others] = (await prepare('xgb_gblinear')).importance!;
    expect(others).toEqual([]);
    expect(only!.measure).toBe('coefficient');
    expect(only!.values).toHaveLength(30);
    expect(only!.values.slice(0, 5)).toEqual([
      0.004138975869864225, -0.011199199594557285, -3.9327627746388316e-5, -0.002011003438383341, 0,
    ]);
    expect(only!.values.slice(-4)).toEqual([-1.6961524486541748, 0, 0.0006245898548513651, 0]);
    expect((await prepare('xgb_gblinear_multiclass')).importance).toEqual([]);
  });

  it('is named as a description beside it says, where it has no names itself', async () => {
    const names = async (name: string, features: string[]) =>
      (await prepare(name, { features })).signature.features.map((feature) => feature.name);
    expect(await names('xgb_codes', ['a', 'b'])).toEqual(['a', 'b']);
    expect(await names('xgb_codes', ['a'])).toEqual(['f0', 'f1']);
    expect(await names('xgb_frame', ['a', 'b', 'c', 'd', 'e'])).toContain('city');
  });

  it('has ranking and regression without classes, and the classes that it is told', async () => {
    expect((await prepare('xgb_rank')).signature).toMatchObject({ task: 'ranking' });
    expect((await prepare('xgb_poisson')).signature.classes).toBeUndefined();
    const named = await prepare('xgb_multiclass', { classes: ['a', 'b', 'c'] });
    expect(named.signature.classes).toEqual(['a', 'b', 'c']);
    await expect(prepare('xgb_multiclass', { classes: ['a', 'b'] })).rejects.toMatchObject({
      code: 'INVALID_REQUEST',
    });
  });

  it('takes base_score as older files have it', async () => {
    const { program } = await prepare('xgb_base_score');
    const old = await changed('xgb_base_score', (text) => text.replace('"[2E-1]"', '"2E-1"'));
    expect(old.program).toEqual(program);
  });

  it.each([
    [
      'xgb_multiclass',
      '"[1.2831175E-1,2.919407E-1,-4.2025232E-1]"',
      '"[1,2]"',
      /base_score: has 2 numbers, but there are 3/,
    ],
    ['xgb_poisson', '"[1.5E2]"', '"[-1E0]"', /base_score: is -1, but must be positive/],
    ['xgb_multiclass', '"num_class":"3"', '"num_class":"9"', /base_score/],
    [
      'xgb_regression',
      '"num_class":"0","num_feature":"10"',
      '"num_class":"0","num_feature":"4000000000"',
      /num_feature: is 4000000000/,
    ],
    ['xgb_frame', '"values":[66,', '"values":[-61,', /category names of city are not all ASCII/],
    ['xgb_frame', '"offsets":[0,', '"offsets":[9,', /category names of city do not lie/],
    [
      'xgb_early_stop',
      '"best_iteration":"5"',
      '"best_iteration":"soon"',
      /best_iteration: “soon” is no round/,
    ],
    ['xgb_dart', '"weight_drop":[', '"weight_drop":[1e99,', /weight_drop/],
    ['xgb_gblinear', '"weights":[', '"weights":[1,', /weights: has 32 entries instead of 31/],
    [
      'xgb_regression',
      '"iteration_indptr":[0,',
      '"iteration_indptr":[0,7,',
      /iteration_indptr: does not rise/,
    ],
  ])('%s with %s as %s is refused', async (name, from, to, says) => {
    const refusal = changed(name, (text) => text.replace(from, to));
    await expect(refusal).rejects.toMatchObject({
      code: expect.stringMatching(/^FILE_(BROKEN|UNSUPPORTED)$/),
      message: expect.stringMatching(says),
    });
  });

  it('refuses to attach bytes that are no whole linear program', async () => {
    const { program, signature } = await prepare('xgb_gblinear');
    await expect(xgboost.attach(program.subarray(0, -4), signature)).rejects.toMatchObject({
      code: 'FILE_BROKEN',
    });
  });
});
