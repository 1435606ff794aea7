import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, test } from 'vitest';
import { readGolden } from '../../../src/gates/golden.ts';
import { rowsFor } from '../../../src/gates/timing.ts';
import { RowEncoder } from '../../../src/lane/row-encoder.ts';
import type { Prepared } from '../../../src/models/model.ts';
import { onnx } from '../../../src/models/onnx/onnx.ts';
import { frameOf } from '../../../src/oip/tensors.ts';
import { answerWidth, defaultPolicy, type RowPolicy } from '../../../src/signature.ts';
import type { ServedVersion } from '../../../src/snapshot.ts';
import { type Frame, newFrame } from '../../../src/tensor.ts';

/** scikit-learn's OneHotEncoder as it is by default: the graph fails for a category that it does not know. */
const folder = new URL('../../../../spec/models/sk_onehot_strict/', import.meta.url).pathname;

let prepared: Prepared;
beforeAll(async () => {
  prepared = await onnx.prepare({ main: 'model.onnx', path: `${folder}model.onnx` }, {});
});

async function answer(frame: Frame, { program, signature } = prepared): Promise<number[]> {
  const answers = new Float64Array(frame.rows * answerWidth(signature));
  await (await onnx.attach(program, signature)).predict(frame, answers, []);
  return [...answers];
}

function encoder(policy: Partial<RowPolicy> = {}): RowEncoder {
  return new RowEncoder({
    signature: prepared.signature,
    policy: { ...defaultPolicy, ...policy },
    impute: prepared.signature.features.map(() => null),
  } as unknown as ServedVersion);
}

const row = { age: 40, income: 30_000, city: 'Köln', plan: 'team', rooms: 3 };

test('features have the categories of their encoders', () => {
  expect(prepared.facts.runsOn).toBe('compiled linear');
  expect(prepared.signature.features.slice(2)).toEqual([
    { name: 'city', type: 'category', categories: ['Aachen', 'Bonn', 'Köln'], strict: true },
    { name: 'plan', type: 'category', categories: ['free', 'team'], strict: true },
    { name: 'rooms', type: 'category', categories: [1, 2, 3, 4], strict: true },
  ]);
  expect(prepared.signature.missingAllowed).toBe(true);
});

test('the runtime and the compiled graph answer alike, whatever the categories', async () => {
  const { signature } = prepared;
  const frame = await rowsFor(await onnx.attach(prepared.program, signature));
  // A file that a setting was given for stays on the runtime only if it cannot be compiled: so the session is asked.
  const { OnnxSession, openSession } = await import('../../../src/models/onnx/session.ts');
  const session = await openSession(new Uint8Array(readFileSync(`${folder}model.onnx`)));
  const runtime = new OnnxSession(session, signature, Number.POSITIVE_INFINITY);
  const wanted = new Float64Array(frame.rows * answerWidth(signature));
  await runtime.predict(frame, wanted, []);
  await runtime.close();
  expect(await answer(frame)).toEqual([...wanted]);
});

describe('a row as JSON', () => {
  test('is answered by its categories’ names', async () => {
    const frame = newFrame(1, 5);
    encoder().encode(row, frame, 0);
    expect([...frame.values]).toEqual([40, 30_000, 2, 1, 2]);
    expect(await answer(frame)).toHaveLength(3);
  });

  test.each([
    ['an unknown text', { ...row, city: 'Paris' }, 'Feature "city" has no category "Paris".'],
    ['an unknown number', { ...row, rooms: 9 }, 'Feature "rooms" has no category 9.'],
    ['a missing category', { ...row, plan: null }, 'Feature "plan" is null'],
  ])('is refused with %s', (_, given, message) => {
    expect(() => encoder().encode(given, newFrame(1, 5), 0)).toThrow(message);
  });

  test('with a missing number is answered', async () => {
    const frame = newFrame(1, 5);
    encoder().encode({ ...row, age: null }, frame, 0);
    expect((await answer(frame)).every(Number.isFinite)).toBe(true);
  });

  test('gets no category put in where none is known', () => {
    expect(() => encoder({ unknown: 'impute' }).encode({ ...row, city: 'Paris' }, newFrame(1, 5), 0)).toThrow(
      'none can be put in its place',
    );
  });
});

describe('rows as tensors', () => {
  const tensors = (city: string, rooms: number) =>
    prepared.signature.inputs.map(({ name, datatype }) => {
      const value = { ...row, city, rooms }[name];
      return { name, datatype, shape: [1, 1], values: [value], raw: null };
    });

  test('hold the categories themselves', () => {
    const frame = frameOf(tensors('Bonn', 4), prepared.signature);
    expect([...frame.values]).toEqual([40, 30_000, 1, 1, 3]);
    // No column indexes into its texts any more.
    expect(frame.texts).toEqual([]);
  });

  test('are refused with unknown ones', () => {
    expect(() => frameOf(tensors('Paris', 4), prepared.signature)).toThrow('has no category "Paris"');
    expect(() => frameOf(tensors('Bonn', 0), prepared.signature)).toThrow('has no category 0');
  });
});

test('golden rows with an unknown category are told', () => {
  const text = readFileSync(`${folder}golden.json`, 'utf8').replace('"Köln"', '"Paris"');
  expect(() => readGolden(text, 'golden.json', prepared.signature)).toThrow(
    'of "city" has the unknown category "Paris"',
  );
});
