import { describe, expect, test } from 'vitest';
import type { ModelHints } from '../../../src/models/model.ts';
import { onnx } from '../../../src/models/onnx/onnx.ts';
import { newFrame } from '../../../src/tensor.ts';

const models = new URL('../../../../spec/models/', import.meta.url).pathname;
const prepare = (name: string, hints: ModelHints = {}, file = 'model.onnx') =>
  onnx.prepare({ main: file, path: `${models}${name}/${file}` }, hints);
const trainedOn = (...features: string[]): ModelHints => ({
  training: { frame: newFrame(0, features.length), targets: new Float64Array(), features },
});

describe('features', () => {
  test.each([
    ['sk_ridge', ['X_0', 'X_9'], 10, 'number'],
    ['onnx_strings', ['text', 'text'], 1, 'string'],
    ['sk_pipeline_mixed', ['band', 'transfer'], 5, 'string'],
    ['onnx_two_io', ['left_0', 'right_6'], 13, 'number'],
    ['onnx_int64_bool', ['counts_0', 'flags_1'], 5, 'integer'],
    ['onnx_cnn', ['image_0', 'image_63'], 64, 'number'],
    ['onnx_loop_from_input', ['x', 'rounds'], 2, 'number'],
  ])('of %s are named after its inputs', async (name, [first, last], count, type) => {
    const { signature } = await prepare(name);
    expect(signature.features).toHaveLength(count);
    expect(signature.features[0]).toMatchObject({ name: first, type });
    expect(signature.features.at(-1)!.name).toBe(last);
  });

  test('are named as the training data’s columns where there are as many', async () => {
    const columns = Array.from({ length: 10 }, (_, i) => `column ${i}`);
    const { signature } = await prepare('sk_ridge', trainedOn(...columns));
    expect(signature.features.map(({ name }) => name)).toEqual(columns);
    const other = await prepare('sk_ridge', trainedOn('a', 'b'));
    expect(other.signature.features[0]!.name).toBe('X_0');
  });

  test('keep the shape that the graph wants', async () => {
    const shapes = async (name: string) => (await prepare(name)).signature.inputs.map(({ shape }) => shape);
    expect(await shapes('onnx_cnn')).toEqual([[-1, 1, 8, 8]]);
    expect(await shapes('onnx_strings')).toEqual([[-1]]);
    expect(await shapes('sk_pipeline_mixed')).toEqual(Array.from({ length: 5 }, () => [-1, 1]));
    expect(await shapes('onnx_fixed1')).toEqual([[-1, 64]]);
  });
});

describe('the answer', () => {
  const label = { column: 0, holds: 'class' };
  test.each([
    ['sk_logit', 'binary', { column: 2, width: 1, label }, [0, 1]],
    ['sk_svm', 'multiclass', { column: 1, width: 3, label }, [0, 1, 2]],
    // Named by an ArrayFeatureExtractor only.
    ['sk_knn', 'multiclass', { column: 1, width: 3, label }, [0, 1, 2]],
    [
      'onnx_strings',
      'multiclass',
      { column: 1, width: 3, label: { column: 0, holds: 'index' } },
      ['cancer', 'diabetes', 'wine'],
    ],
    ['onnx_mlp', 'multiclass', { column: 10, width: 10 }, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]],
    ['onnx_two_io', 'multiclass', { column: 0, width: 3 }, [0, 1, 2]],
    ['sk_ridge', 'regression', { column: 0, width: 1 }, undefined],
    ['sk_isoforest', 'regression', { column: 1, width: 1 }, undefined],
    ['onnx_int64_bool', 'regression', { column: 0, width: 1 }, undefined],
  ])('of %s', async (name, task, answer, classes) => {
    const { signature } = await prepare(name);
    expect([signature.task, signature.answer, signature.classes]).toEqual([task, answer, classes]);
  });

  test('of one number a row is a probability where the user names two classes', async () => {
    const { signature } = await prepare('onnx_loop_from_input', { classes: ['no', 'yes'] });
    expect([signature.task, signature.classes]).toEqual(['binary', ['no', 'yes']]);
  });

  test('takes the user’s class names', async () => {
    const { signature } = await prepare('sk_logit', { classes: ['malignant', 'benign'] });
    expect(signature.classes).toEqual(['malignant', 'benign']);
    await expect(prepare('sk_logit', { classes: ['a', 'b', 'c'] })).rejects.toMatchObject({
      code: 'FILE_UNSUPPORTED',
      message: expect.stringContaining('3 classes given'),
    });
  });

  test('knows outputs of every kind', async () => {
    const { signature } = await prepare('onnx_int64_bool');
    expect(signature.outputs).toEqual([
      { name: 'probability', datatype: 'FP32', shape: [-1, 1], column: 0, width: 1 },
      { name: 'total', datatype: 'INT64', shape: [-1], column: 1, width: 1 },
      { name: 'any_flag', datatype: 'BOOL', shape: [-1], column: 2, width: 1 },
      { name: 'echo', datatype: 'INT64', shape: [-1, 3], column: 3, width: 3 },
    ]);
  });
});

test('missing values are allowed where an operator has a rule for them', async () => {
  for (const [name, allowed] of [
    ['sk_histgb_missing', true],
    ['sk_pipeline_mixed', true],
    ['sk_logit', false],
    // Answers something to a NaN, by accident.
    ['sk_knn', false],
    ['onnx_int64_bool', false],
  ] as const)
    expect((await prepare(name)).signature.missingAllowed, name).toBe(allowed);
});

test('categories that an encoder knows but does not insist on are what training saw', async () => {
  const { signature } = await prepare('sk_pipeline_mixed');
  expect(signature.features.map(({ seen }) => seen)).toEqual([
    ['afternoon', 'evening', 'morning', 'night'],
    ['high', 'low', 'normal', 'peak'],
    undefined,
    undefined,
    undefined,
  ]);
});

test('facts say what it is made of', async () => {
  const { facts } = await prepare('sk_logit');
  expect(facts).toMatchObject({ framework: 'skl2onnx 1.20.0', irVersion: 10, opset: 21, nodes: 2 });
  expect(facts.operators).toBe('Scaler, LinearClassifier');
  expect(facts).not.toHaveProperty('trees');
  expect((await prepare('sk_forest')).facts).toMatchObject({ trees: 25, runsOn: 'compiled forest' });
  // As they were trained: max_depth, or what follows from it.
  for (const [name, trees, leaves, maxDepth] of [
    ['sk_gboost_reg', 30, 235, 3],
    ['sk_histgb_missing', 20, 169, 4],
    ['sk_isoforest', 40, 1491, 7],
  ] as const)
    expect((await prepare(name)).facts, name).toMatchObject({ trees, leaves, maxDepth });
});

test('dimensions that the graph leaves open may be said', async () => {
  const said = (shapes: Record<string, number[]>) => prepare('onnx_lstm', { onnx: { shapes } });
  const { signature } = await said({ sequence: [5, 3] });
  expect(signature.inputs).toMatchObject([{ name: 'sequence', shape: [-1, 5, 3], width: 15 }]);
  expect(signature.features).toHaveLength(15);
  const refused = {
    code: 'FILE_UNSUPPORTED',
    message: expect.stringContaining('has 2 dimensions besides the rows, not 1'),
  };
  await expect(said({ sequence: [5] })).rejects.toMatchObject(refused);
  // Names that objects have by themselves say nothing.
  expect((await said({ constructor: [5, 3] })).signature.features).toHaveLength(1);
});

test('dimensions that stay open make a feature of the whole row, and are open in what comes of them', async () => {
  const { signature } = await prepare('onnx_string_echo');
  const tensor = { datatype: 'BYTES', shape: [-1, -1], column: 0, width: 1 };
  expect(signature).toMatchObject({
    task: 'other',
    features: [{ name: 'text', type: 'tensor' }],
    inputs: [{ name: 'text', ...tensor }],
    // `dims` has no value a row.
    outputs: [{ name: 'echo', ...tensor }],
  });
  const prepared = await prepare('onnx_lstm');
  // How long a row takes is for its size to say.
  expect(prepared.hazard).toBe('its inputs of any size may take as long as a row makes them');
  const lstm = prepared.signature;
  expect(lstm.features).toEqual([{ name: 'sequence', type: 'tensor' }]);
  expect(lstm.inputs[0]!.shape.slice(1)).toContain(-1);
  expect(lstm.outputs.every(({ shape }) => !shape.slice(1).includes(-1))).toBe(true);
});
