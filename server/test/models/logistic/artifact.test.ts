import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { SlipwayError } from '../../../src/errors.ts';
import { readArtifact } from '../../../src/models/logistic/artifact.ts';
import { logistic } from '../../../src/models/logistic/logistic.ts';
import type { Learner, ModelHints } from '../../../src/models/model.ts';
import { newFrame } from '../../../src/tensor.ts';
import { asker, learnerFor } from './stream.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'slipway-logistic-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const prepare = (artifact: unknown, hints: ModelHints = {}) => {
  const path = join(folder, 'learner.json');
  writeFileSync(path, JSON.stringify(artifact));
  return logistic.prepare({ main: 'learner.json', path }, hints);
};
const read = (artifact: unknown) => readArtifact(JSON.stringify(artifact), 'learner.json');

describe('a learner’s file', () => {
  test('says as little as its kind', () => {
    expect(read({ slipway: 'logistic' })).toEqual({
      features: null,
      classes: null,
      learningRate: 0.005,
      interceptLearningRate: 0.01,
      state: null,
    });
  });

  const state = { count: 3, intercept: 0.5, mean: [1], variance: [2], weights: [3] };
  test.each([
    ['it is not JSON', '{"slipway": "logistic"'],
    ['it is not a JSON object', '[]'],
    ['it is not a JSON object', 'null'],
    ['"l1" is no field', { l1: 1 }],
    ['"__proto__" is no field', '{"slipway":"logistic","__proto__":{"learningRate":1}}'],
    ['"learningRate" is not a number in (0, 10]', { learningRate: 0 }],
    ['"learningRate" is not a number in (0, 10]', { learningRate: '0.1' }],
    ['"interceptLearningRate" is not', { interceptLearningRate: 1e9 }],
    ['"features" is not a list of different names', { features: [] }],
    ['"features" is not a list of different names', { features: ['a', 'a'] }],
    ['"features" is not a list of different names', { features: ['a', 1] }],
    ['"classes" is not a list of two different labels', { classes: ['yes'] }],
    ['"classes" is not a list of two different labels', { classes: [1, '1'] }],
    ['"classes" is not a list of two different labels', { classes: [{}, null] }],
    ['"state" needs "features"', { state }],
    ['"state" is not an object', { features: ['a'], state: 7 }],
    ['"state.m2" is no field', { features: ['a'], state: { ...state, m2: [1] } }],
    ['"state.mean" is not a list of 1 finite', { features: ['a'], state: { ...state, mean: [1, 2] } }],
    ['"state.weights" is not a list of 1 finite', { features: ['a'], state: { ...state, weights: [null] } }],
    ['"state.count" is not a finite number', { features: ['a'], state: { ...state, count: null } }],
    ['negative count or variance', { features: ['a'], state: { ...state, variance: [-1] } }],
    ['negative count or variance', { features: ['a'], state: { ...state, count: -1 } }],
  ])('is refused: %s', (message, artifact) => {
    const text =
      typeof artifact === 'string' ? artifact : JSON.stringify({ slipway: 'logistic', ...artifact });
    let thrown: unknown;
    try {
      readArtifact(text, 'learner.json');
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toBeInstanceOf(SlipwayError);
    expect((thrown as SlipwayError).code).toBe('FILE_BROKEN');
    expect((thrown as SlipwayError).message).toContain('learner.json');
    expect((thrown as SlipwayError).message).toContain(message);
  });
});

describe('prepare', () => {
  const rows = [
    [1, 5, 0],
    [2, 5, 1],
    [3, 6, 0],
    [Number.NaN, 7, 1],
  ];
  const frame = newFrame(4, 2);
  for (const [i, [a, b]] of rows.entries()) frame.values.set([a!, b!], i * 2);
  const training = {
    frame,
    targets: Float64Array.from(rows, (row) => row[2]!),
    features: ['a', 'b'],
    classes: ['no', 'yes'],
  };

  test('begins on the training rows in their order, with their names and classes', async () => {
    const { signature, program, facts } = await prepare(
      { slipway: 'logistic', learningRate: 0.1 },
      { training },
    );
    expect(signature.features.map(({ name }) => name)).toEqual(['a', 'b']);
    expect(signature.classes).toEqual(['no', 'yes']);
    expect(facts.begunOnRows).toBe(4);
    const attached = (await logistic.attach(program, signature)) as Learner;
    const own = learnerFor(['a', 'b'], { learningRate: 0.1 });
    for (const [a, b, label] of rows) own.learn(Float64Array.of(a!, b!), label!);
    expect(attached.state()).toEqual(own.state());
    // It goes on with the same rates.
    for (const learner of [attached, own]) learner.learn(Float64Array.of(2, 2), 0);
    expect(attached.state()).toEqual(own.state());
  });

  test('takes the features that the file names, in the file’s order', async () => {
    const { signature, program } = await prepare({ slipway: 'logistic', features: ['b', 'a'] }, { training });
    expect(signature.features.map(({ name }) => name)).toEqual(['b', 'a']);
    const attached = (await logistic.attach(program, signature)) as Learner;
    const own = learnerFor(['b', 'a']);
    for (const [a, b, label] of rows) own.learn(Float64Array.of(b!, a!), label!);
    expect(attached.state()).toEqual(own.state());
  });

  test('begins elsewhere where the file says so: a fixed model can be given', async () => {
    const state = { count: 100, intercept: 0.5, mean: [1, 2], variance: [4, 0], weights: [2, 3] };
    const artifact = { slipway: 'logistic', features: ['a', 'b'], classes: ['no', 'yes'], state };
    const { signature, program, facts } = await prepare(artifact, { training });
    expect(facts.begunOnRows).toBe(0);
    const ask = asker((await logistic.attach(program, signature)) as ReturnType<typeof learnerFor>);
    // 2 · (3 − 1) / √4 + 0.5; what never varied says nothing.
    expect(ask([3, 1000])).toBeCloseTo(1 / (1 + Math.exp(-2.5)), 15);
  });

  test.each([
    ['FILE_BROKEN', 'names no features', { slipway: 'logistic' }, {}],
    [
      'DATA_BROKEN',
      'no column "c"',
      { slipway: 'logistic', features: ['a', 'c'] },
      { training: { ...training, classes: [0, 1] } },
    ],
    [
      'FILE_UNSUPPORTED',
      'two classes, not 3',
      { slipway: 'logistic', features: ['a'] },
      { classes: ['x', 'y', 'z'] },
    ],
  ])('refuses with %s: %s', async (code, message, artifact, hints) => {
    await expect(prepare(artifact, hints)).rejects.toMatchObject({
      code,
      message: expect.stringContaining(message),
    });
  });
});
