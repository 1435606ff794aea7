import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { SlipwayError } from '../../src/errors.ts';
import { kindNamed, kinds } from '../../src/models/kinds.ts';
import type { Kind, Learner, Model, ModelFiles, ModelHints, Prepared } from '../../src/models/model.ts';
import { ProgramFile } from '../../src/models/program-file.ts';
import { allowPython } from '../../src/models/python/settings.ts';
import { answerWidth, type Signature } from '../../src/signature.ts';
import { type Frame, newFrame } from '../../src/tensor.ts';
import { normal, seeded } from '../stats/seeded.ts';
import { interpreter, pythonIn } from './python/interpreter.ts';
import { upstreamOf } from './remote/upstream-of.ts';

/** What every kind on the list keeps; a kind passes by being on the list and having a fixture here. */
const root = new URL('../../../', import.meta.url).pathname;
const folder = mkdtempSync(join(tmpdir(), 'slipway-kinds-'));
const upstream = await upstreamOf('lightgbm', join(root, 'spec/models/lgb_binary_nan/model.txt'));
const remoteFile = join(folder, 'remote.json');
writeFileSync(
  remoteFile,
  JSON.stringify({ slipway: 'remote', url: upstream.url, model: 'm', missing: true }),
);
if (interpreter) allowPython(pythonIn(join(folder, 'python')));
afterAll(async () => {
  await upstream.close();
  rmSync(folder, { recursive: true, force: true });
});
/** `beside`: other files of its folder. */
const fixtures: Record<string, { file: string; beside?: string[]; hints?: ModelHints }> = {
  lightgbm: { file: 'spec/models/lgb_binary_nan/model.txt' },
  xgboost: { file: 'spec/models/xgb_binary_missing/model.json' },
  catboost: { file: 'spec/models/cat_ctr_lossguide/model.cbm' },
  onnx: { file: 'spec/models/sk_histgb_missing/model.onnx' },
  logistic: { file: 'examples/electricity/learner.json', hints: { training: trainingRows() } },
  remote: { file: remoteFile, hints: { classes: [0, 1] } },
  python: { file: 'spec/python/scores/model.py', beside: ['weights.json'] },
};

/** A little of the electricity market, as a baseline file gives it. */
function trainingRows(): NonNullable<ModelHints['training']> {
  const [head, ...lines] = readFileSync(`${root}examples/electricity/elec.csv`, 'utf8')
    .split('\n')
    .slice(0, 401);
  const frame = newFrame(lines.length, 6);
  const targets = new Float64Array(lines.length);
  for (const [row, line] of lines.entries()) {
    const values = line.split(',').map(Number);
    frame.values.set(values.slice(0, 6), row * 6);
    targets[row] = values[6]!;
  }
  return { frame, targets, features: head!.split(',').slice(0, 6), classes: [0, 1] };
}

function randomRows(signature: Signature, rows: number, seed: number): Frame {
  const random = seeded(seed);
  const frame = newFrame(rows, signature.features.length);
  for (let i = 0; i < frame.values.length; i++)
    frame.values[i] =
      random() < 0.2 ? Math.round(normal(random) * 3) : normal(random) * 10 ** (random() * 4 - 1);
  return frame;
}

/** Its program as bytes, wherever the kind leaves it. */
async function preparedOf(kind: Kind, files: ModelFiles, hints: ModelHints = {}): Promise<Prepared> {
  const { programFile, ...prepared } = await kind.prepare(files, hints);
  return programFile === undefined ? prepared : { ...prepared, program: readFileSync(programFile) };
}

async function answersOf(model: Model, frame: Frame): Promise<Float64Array> {
  const answers = new Float64Array(frame.rows * answerWidth(model.signature));
  await model.predict(frame, answers, []);
  return answers;
}

function rowOf(frame: Frame, row: number): Frame {
  const one = newFrame(1, frame.width);
  one.values.set(frame.values.subarray(row * frame.width, (row + 1) * frame.width));
  return one;
}

test('names are different, and found', () => {
  expect(new Set(kinds.map(({ name }) => name)).size).toBe(kinds.length);
  for (const kind of kinds) expect(kindNamed(kind.name)).toBe(kind);
  expect(() => kindNamed('constructor')).toThrow(SlipwayError);
  expect(Object.keys(fixtures).sort()).toEqual(kinds.map(({ name }) => name).sort());
});

/** A kind may run its programs in more than one way. */
const ways: [name: string, way: string, fixture: (typeof fixtures)[string]][] = [
  ...kinds
    .filter(({ name }) => name !== 'python' || interpreter)
    .map(({ name }): (typeof ways)[number] => [name, '', fixtures[name]!]),
  ['onnx', ', linear', { file: 'spec/models/sk_pipeline_mixed/model.onnx' }],
  ['onnx', ' on onnxruntime', { file: 'spec/models/onnx_mlp/model.onnx' }],
];

describe.each(ways)('%s%s', (name, _way, { file, beside = [], hints = {} }) => {
  const kind = kindNamed(name);
  const path = resolve(root, file);
  const files: ModelFiles = {
    main: basename(file),
    path,
    beside: new Map(beside.map((one) => [one, join(dirname(path), one)])),
  };
  let prepared: Prepared;
  let model: Model | Learner;
  let rows: Frame;

  beforeAll(async () => {
    prepared = await preparedOf(kind, files, hints);
    model = await kind.attach(prepared.program, prepared.signature);
    rows = randomRows(prepared.signature, 40, 7);
  });
  afterAll(() => model.close?.());

  test('recognises its own file, and no other kind’s', () => {
    for (const [of, fixture] of Object.entries(fixtures)) {
      const head = readFileSync(resolve(root, fixture.file)).subarray(0, 4096);
      // What is code has to have its own name.
      const main = of === 'python' ? 'model.py' : 'x';
      expect(kind.recognises(head, { main, path: '/nowhere' }), of).toBe(of === name);
    }
    expect(kind.recognises(new Uint8Array(), { main: files.main, path: files.path })).toBe(false);
  });

  test('has a signature that fits together', () => {
    const { features, inputs, outputs, answer, task, classes } = prepared.signature;
    expect(new Set(features.map((feature) => feature.name)).size).toBe(features.length);
    for (const [specs, width] of [
      [inputs, features.length],
      [outputs, answerWidth(prepared.signature)],
    ] as const) {
      let column = 0;
      for (const spec of specs) {
        expect(spec.column).toBe(column);
        expect(spec.shape[0]).toBe(-1);
        expect(spec.shape.slice(1).reduce((product, size) => product * size, 1)).toBe(spec.width);
        column += spec.width;
      }
      expect(column).toBe(width);
    }
    expect(answer === null).toBe(task === 'other');
    if (answer)
      expect(
        outputs.some(({ column, width }) => column <= answer.column && answer.column < column + width),
      ).toBe(true);
    if (task === 'binary') expect([answer?.width, classes?.length]).toEqual([1, 2]);
    if (task === 'multiclass') expect(classes).toHaveLength(answer!.width);
    expect(model.signature).toEqual(prepared.signature);
  });

  test('prepares the same program every time', async () => {
    const again = await preparedOf(kind, files, hints);
    expect(Buffer.compare(again.program, prepared.program)).toBe(0);
    expect(again.signature).toEqual(prepared.signature);
    expect(Object.keys(prepared.facts)).toContain('framework');
  });

  test('attaches from bytes and a signature that were kept', async () => {
    // As a store gives them: somewhere in a larger buffer, and through JSON.
    const buffer = new Uint8Array(prepared.program.length + 13);
    buffer.set(prepared.program, 5);
    const path = join(folder, `${name}.program`);
    writeFileSync(path, buffer);
    const file = await ProgramFile.open(path);
    const end = 5 + prepared.program.length;
    for (const program of [buffer.subarray(5, end), file.part(5, end)]) {
      const kept = await kind.attach(program, JSON.parse(JSON.stringify(prepared.signature)) as Signature);
      expect(await answersOf(kept, rows)).toEqual(await answersOf(model, rows));
      await kept.close?.();
    }
    await file.close();
    // The other one lives on.
    expect(await answersOf(model, rows)).toHaveLength(rows.rows * answerWidth(model.signature));
  });

  test('answers the same to the same rows, whatever came between', async () => {
    const first = await answersOf(model, rows);
    await answersOf(model, randomRows(model.signature, 3, 8));
    expect(await answersOf(model, rows)).toEqual(first);
  });

  test('answers many rows as one by one', async () => {
    const all = await answersOf(model, rows);
    const width = answerWidth(model.signature);
    for (let row = 0; row < rows.rows; row++) {
      const one = await answersOf(model, rowOf(rows, row));
      for (let k = 0; k < width; k++) {
        const [got, wanted] = [one[k]!, all[row * width + k]!];
        if (kind.runs(prepared.program) === 'inline') expect(got).toBe(wanted);
        else
          expect(Math.abs(got - wanted)).toBeLessThanOrEqual(kind.tolerance * Math.max(1, Math.abs(wanted)));
      }
    }
  });

  test('answers numbers, in their place and nowhere else, and leaves the rows alone', async () => {
    const { answer, task } = model.signature;
    const width = answerWidth(model.signature);
    const before = rows.values.slice();
    const answers = new Float64Array(rows.rows * width + 9).fill(-77);
    await model.predict(rows, answers, []);
    expect(rows.values).toEqual(before);
    expect([...answers.subarray(rows.rows * width)]).toEqual(Array.from({ length: 9 }, () => -77));
    expect(answers.subarray(0, rows.rows * width).every(Number.isFinite)).toBe(true);
    for (let row = 0; row < rows.rows; row++) {
      const from = row * width + (answer?.column ?? 0);
      const of = answers.subarray(from, from + (answer?.width ?? 0));
      if (task === 'binary' || task === 'multiclass') for (const p of of) expect(p >= 0 && p <= 1).toBe(true);
      if (task === 'multiclass') expect(of.reduce((sum, p) => sum + p, 0)).toBeCloseTo(1, 5);
    }
    // Not all the same: it looks at the rows.
    expect(new Set(answers.subarray(0, rows.rows * width)).size).toBeGreaterThan(3);
  });

  test('keeps its word about missing values', async () => {
    if (!model.signature.missingAllowed) return;
    const holes = randomRows(model.signature, 20, 9);
    const random = seeded(10);
    for (let i = 0; i < holes.values.length; i++) if (random() < 0.4) holes.values[i] = Number.NaN;
    holes.values.subarray(0, holes.width).fill(Number.NaN);
    expect((await answersOf(model, holes)).every(Number.isFinite)).toBe(true);
  });

  test('refuses half of its file, and other kinds’, with a coded error', async () => {
    const half = join(folder, `half-of-${name}`);
    const bytes = readFileSync(files.path);
    writeFileSync(half, bytes.subarray(0, bytes.length / 2));
    const others = Object.entries(fixtures).filter(([of]) => of !== name);
    for (const path of [half, ...others.map(([, fixture]) => resolve(root, fixture.file))]) {
      const thrown = await kind.prepare({ main: 'given', path }, hints).then(
        () => null,
        (error: unknown) => error,
      );
      expect(thrown).toBeInstanceOf(SlipwayError);
      expect((thrown as SlipwayError).code).toMatch(/^FILE_/);
      expect((thrown as SlipwayError).message).toContain('given');
    }
  });

  test(kind.learns ? 'learns' : 'does not learn', async () => {
    expect('learn' in model).toBe(kind.learns);
    if (!kind.learns) return;
    const taught = async (): Promise<Learner> =>
      (await kind.attach(prepared.program, prepared.signature)) as Learner;
    const [learner, twin] = [await taught(), await taught()];
    expect(learner.state()).toEqual(twin.state());
    const targets = Array.from({ length: rows.rows }, (_, row) => row % 2);
    const teach = (one: Learner, from: number, to: number): void => {
      for (let row = from; row < to; row++)
        expect(one.learn(rowOf(rows, row).values, targets[row]!)).toBe(true);
    };
    const untaught = await answersOf(learner, rows);
    teach(learner, 0, 20);
    expect(await answersOf(learner, rows)).not.toEqual(untaught);
    // A state is all there is to it: another one goes on from it, to the bit.
    const kept = learner.state();
    twin.restore(kept);
    expect(await answersOf(twin, rows)).toEqual(await answersOf(learner, rows));
    for (const one of [learner, twin]) teach(one, 20, 40);
    expect(twin.state()).toEqual(learner.state());
    expect(kept).not.toEqual(learner.state());
    expect(kept.length).toBeLessThan(100_000);
    // What has no number is refused, and leaves no trace.
    const state = learner.state();
    const row = rowOf(rows, 0).values;
    expect(learner.learn(row, Number.NaN)).toBe(false);
    row[0] = Number.POSITIVE_INFINITY;
    expect(learner.learn(row, 1)).toBe(false);
    expect(learner.state()).toEqual(state);
    expect(() => learner.restore(new Uint8Array(3))).toThrow();
    expect(learner.state()).toEqual(state);
    // Back to where it began.
    twin.restore((await taught()).state());
    expect(await answersOf(twin, rows)).toEqual(untaught);
    for (const one of [learner, twin]) await one.close?.();
  });

  test('closes', async () => {
    const one = await kind.attach(prepared.program, prepared.signature);
    await one.close?.();
  });
});
