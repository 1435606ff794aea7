import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { RowEncoder } from '../../src/lane/row-encoder.ts';
import { defaultPolicy, type Feature, type RowPolicy } from '../../src/signature.ts';
import type { ServedVersion } from '../../src/snapshot.ts';
import { newFrame } from '../../src/tensor.ts';

const everyType: Feature[] = [
  { name: 'x', type: 'number' },
  { name: 'count', type: 'integer' },
  { name: 'flag', type: 'boolean' },
  { name: 'colour', type: 'category', categories: ['red', 'green', 'blue'] },
  { name: 'code', type: 'category' },
  { name: 'text', type: 'string' },
];

function version(
  features: Feature[],
  policy: Partial<RowPolicy> = {},
  missingAllowed = true,
  impute: number[] = features.map((_, i) => 100 + i),
): ServedVersion {
  return {
    version: 1,
    kind: 'test',
    program: '',
    signature: {
      task: 'regression',
      features,
      inputs: [],
      outputs: [{ name: 'y', datatype: 'FP64', shape: [-1], column: 0, width: 1 }],
      answer: { column: 0, width: 1 },
      missingAllowed,
    },
    policy: { ...defaultPolicy, ...policy },
    impute,
    baseline: null,
    microseconds: 1,
    checkpoint: null,
  };
}

const good = { x: 1.5, count: 3, flag: true, colour: 'blue', code: 7, text: 'hello' };

function encode(features: object, served: ServedVersion) {
  const frame = newFrame(1, served.signature.features.length);
  const encoder = new RowEncoder(served);
  const imputed = encoder.encode(features, frame, 0);
  return { values: [...frame.values], texts: frame.texts, imputed };
}

describe('a row that fits', () => {
  test('each type becomes its column', () => {
    expect(encode(good, version(everyType))).toEqual({
      values: [1.5, 3, 1, 2, 7, 0],
      texts: ['hello'],
      imputed: 0,
    });
  });

  test('the order of fields does not matter', () => {
    const reversed = Object.fromEntries(Object.entries(good).reverse());
    expect(encode(reversed, version(everyType))).toEqual(encode(good, version(everyType)));
  });

  test('null is a missing value where the model has a rule for it', () => {
    expect(encode({ ...good, x: null }, version(everyType)).values[0]).toBeNaN();
  });

  test('any numbers, in any number of features, arrive as they are', () => {
    fc.assert(
      fc.property(fc.array(fc.double({ noNaN: true }), { minLength: 1, maxLength: 40 }), (values) => {
        const features = values.map((_, i): Feature => ({ name: `f${i}`, type: 'number' }));
        const row = Object.fromEntries(values.map((value, i) => [`f${i}`, value]));
        expect(encode(row, version(features)).values).toEqual(values);
      }),
      { seed: 1 },
    );
  });
});

describe('a row that does not fit is refused by name', () => {
  const cases: [string, object, string, RegExp][] = [
    ['absent', { ...good, x: undefined }, 'FEATURE_MISTYPED', /"x"/],
    ['missing', omit(good, 'count'), 'FEATURE_MISSING', /"count"/],
    ['extra', { ...good, y: 1 }, 'FEATURE_UNKNOWN', /"y"/],
    ['text for number', { ...good, x: '1.5' }, 'FEATURE_MISTYPED', /"x" takes a number/],
    ['fraction for integer', { ...good, count: 1.5 }, 'FEATURE_MISTYPED', /"count" takes a whole number/],
    ['number for flag', { ...good, flag: 2 }, 'FEATURE_MISTYPED', /"flag"/],
    ['unknown category', { ...good, colour: 'pink' }, 'CATEGORY_UNKNOWN', /"colour" has no category "pink"/],
    ['list for category', { ...good, colour: ['red'] }, 'FEATURE_MISTYPED', /"colour".*a list/],
    ['object for text', { ...good, text: {} }, 'FEATURE_MISTYPED', /"text".*an object/],
  ];
  test.each(cases)('%s', (_name, row, code, message) => {
    const encoder = new RowEncoder(version(everyType));
    const thrown = catching(() => encoder.encode(row, newFrame(1, everyType.length), 0));
    expect(thrown).toMatchObject({ code, message: expect.stringMatching(message) });
  });

  test('null where the model has no rule for it', () => {
    const thrown = catching(() => encode({ ...good, x: null }, version(everyType, {}, false)));
    expect(thrown).toMatchObject({ code: 'FEATURE_MISSING' });
  });
});

describe('policies that do not refuse count what they do', () => {
  test('absent and null are imputed', () => {
    const served = version(everyType, { missing: 'impute' }, false);
    expect(encode({ ...omit(good, 'count'), x: null }, served)).toMatchObject({
      values: [100, 101, 1, 2, 7, 0],
      imputed: 2,
    });
  });

  test('unknown categories are imputed', () => {
    expect(encode({ ...good, colour: 'pink' }, version(everyType, { unknown: 'impute' }))).toMatchObject({
      values: [1.5, 3, 1, 103, 7, 0],
      imputed: 1,
    });
  });

  test('extra fields are ignored', () => {
    expect(encode({ ...good, y: 1 }, version(everyType, { extra: 'ignore' })).imputed).toBe(0);
  });
});

test('features named like members of Object.prototype are plain names', () => {
  const features: Feature[] = ['__proto__', 'constructor', 'toString', 'hasOwnProperty'].map((name) => ({
    name,
    type: 'number',
  }));
  const row = JSON.parse('{"__proto__":1,"constructor":2,"toString":3,"hasOwnProperty":4}');
  expect(encode(row, version(features)).values).toEqual([1, 2, 3, 4]);
  expect(catching(() => encode({}, version(features)))).toMatchObject({ code: 'FEATURE_MISSING' });
});

function omit(row: object, name: string): object {
  return Object.fromEntries(Object.entries(row).filter(([key]) => key !== name));
}

function catching(run: () => unknown): unknown {
  try {
    run();
  } catch (error) {
    return error;
  }
  throw new Error('It did not throw.');
}
