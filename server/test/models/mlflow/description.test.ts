import { describe, expect, test } from 'vitest';
import { SlipwayError } from '../../../src/errors.ts';
import { readDescription } from '../../../src/models/mlflow/description.ts';

test('a description is data: mappings, lists, texts, numbers', () => {
  const text =
    'flavors:\n  onnx:\n    data: model.onnx\n    code: null\n    n: 3\n    list: [a, true]\nplain: !!str 7\n';
  const onnx = new Map<string, unknown>([
    ['data', 'model.onnx'],
    ['code', null],
    ['n', 3],
    ['list', ['a', true]],
  ]);
  expect(readDescription(text, 'MLmodel')).toEqual(
    new Map<string, unknown>([
      ['flavors', new Map([['onnx', onnx]])],
      ['plain', '7'],
    ]),
  );
});

test('names that mean something to JavaScript are names', () => {
  const read = readDescription('__proto__: {polluted: 1}\nconstructor: 2\n', 'MLmodel');
  expect([...read.keys()]).toEqual(['__proto__', 'constructor']);
  expect(({} as Record<string, unknown>).polluted).toBeUndefined();
});

describe('refused', () => {
  const cases: [what: string, text: string, code: string, says: string][] = [
    [
      'a Python tag',
      "a: !!python/object/apply:os.system ['x']",
      'FILE_UNSAFE',
      'python/object/apply:os.system',
    ],
    ['a tag on a key', '!!python/name:x a: 1', 'FILE_UNSAFE', 'code to be run'],
    ['a tag of its own', 'a: [b, !thing {c: 1}]', 'FILE_UNSAFE', '!thing'],
    ['binary', 'a: !!binary aGk=', 'FILE_UNSAFE', 'binary'],
    ['an alias', 'a: &x 1\nb: *x\n', 'FILE_BROKEN', 'aliases'],
    ['a merge', 'a: &x {b: 1}\nc:\n  <<: *x\n', 'FILE_BROKEN', 'aliases'],
    ['a key twice', 'a: 1\na: 2\n', 'FILE_BROKEN', 'unique'],
    ['two documents', 'a: 1\n---\nb: 2\n', 'FILE_BROKEN', 'multiple documents'],
    ['a list', '- a\n', 'FILE_BROKEN', 'no YAML mapping'],
    ['nothing', '', 'FILE_BROKEN', 'no YAML mapping'],
    ['what is cut off', 'flavors: [', 'FILE_BROKEN', 'no YAML'],
    ['deep nesting', `a: ${'['.repeat(20_000)}`, 'FILE_BROKEN', 'no YAML'],
  ];
  test.each(cases)('%s', (_, text, code, says) => {
    let thrown: unknown = null;
    try {
      readDescription(text, 'churn: MLmodel');
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toBeInstanceOf(SlipwayError);
    expect(thrown).toMatchObject({ code, message: expect.stringContaining(says) });
    expect((thrown as SlipwayError).message).toMatch(/^churn: MLmodel/);
    expect((thrown as SlipwayError).message).not.toContain('\n');
  });
});
