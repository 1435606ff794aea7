import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { SlipwayError } from '../../src/errors.ts';
import { type Tried, tryCandidate } from '../../src/gates/candidate.ts';
import { readGolden } from '../../src/gates/golden.ts';
import { firstDifference } from '../../src/gates/golden-difference.ts';
import type { Signature } from '../../src/signature.ts';

const signature: Signature = {
  task: 'binary',
  features: [
    { name: 'a', type: 'number' },
    { name: 'b', type: 'category', categories: ['red', 'blue'] },
    { name: 'c', type: 'string' },
  ],
  inputs: [
    { name: 'X', datatype: 'FP64', shape: [-1, 2], column: 0, width: 2 },
    { name: 'text', datatype: 'BYTES', shape: [-1, 1], column: 2, width: 1 },
  ],
  outputs: [
    { name: 'label', datatype: 'BYTES', shape: [-1], column: 0, width: 1 },
    { name: 'p', datatype: 'FP64', shape: [-1, 2], column: 1, width: 2 },
  ],
  classes: ['no', 'yes'],
  answer: { column: 2, width: 1 },
  missingAllowed: true,
};
const inputs = [
  {
    name: 'X',
    datatype: 'FP64',
    shape: [2, 2],
    data: [
      [1.5, 'blue'],
      ['NaN', 0],
    ],
  },
  { name: 'text', datatype: 'BYTES', shape: [2, 1], data: [['hello'], ['world']] },
];
const outputs = [
  { name: 'label', datatype: 'BYTES', shape: [2], data: ['yes', 'no'] },
  {
    name: 'p',
    datatype: 'FP64',
    shape: [2, 2],
    data: [
      [0.25, 0.75],
      [0.9, 0.1],
    ],
  },
];
const read = (golden: unknown) => readGolden(JSON.stringify(golden), 'golden.json', signature);
const answers = (...values: number[]) => Float64Array.from(values);

describe('reading golden rows', () => {
  test('fills the frame by tensor, with codes, names, texts and words for what is no number', () => {
    const { frame, outputs: kept } = read({ inputs, outputs });
    expect([frame.rows, frame.width]).toEqual([2, 3]);
    expect([...frame.values]).toEqual([1.5, 1, 0, Number.NaN, 0, 1]);
    expect(frame.texts).toEqual(['hello', 'world']);
    expect(kept.map(({ name }) => name)).toEqual(['label', 'p']);
  });

  test('puts named columns in their place', () => {
    const named = [
      { ...inputs[0], name: 'anything', columns: ['c', 'b', 'a'], data: [['x', 'red', '-Infinity']] },
    ];
    const { frame } = read({ inputs: named, outputs: [{ ...outputs[0], data: ['yes'] }] });
    expect([...frame.values]).toEqual([Number.NEGATIVE_INFINITY, 0, 0]);
    expect(frame.texts).toEqual(['x']);
  });

  test('leaves out outputs that the version does not have', () => {
    const more = [...outputs, { name: 'contributions', datatype: 'FP64', shape: [2], data: [1, 2] }];
    expect(read({ inputs, outputs: more }).outputs).toHaveLength(2);
  });

  test.each([
    ['it is not JSON', '{'],
    ['it has no "inputs" and "outputs"', null],
    ['it has no "inputs" and "outputs"', { inputs }],
    ['it has no "inputs" and "outputs"', { inputs: [], outputs }],
    ['it has no "inputs" and "outputs"', { inputs: [{ name: 'X' }], outputs }],
    ['input "text" has 1 rows, not 2', { inputs: [inputs[0], { ...inputs[1], data: [['x']] }], outputs }],
    ['there is no input "Y"', { inputs: [{ ...inputs[0], name: 'Y' }, inputs[1]], outputs }],
    [
      'row 1 of "X" has 1 values, not 2',
      { inputs: [{ ...inputs[0], data: [[1, 0], [1]] }, inputs[1]], outputs },
    ],
    ['it has no values for the feature "c"', { inputs: [inputs[0]], outputs }],
    ["none of its outputs is one of the version's: label, p", { inputs, outputs: [{ name: 'q', data: [] }] }],
  ])('says what does not fit: %s', (message, golden) => {
    let thrown: unknown;
    try {
      readGolden(typeof golden === 'string' ? golden : JSON.stringify(golden), 'golden.json', signature);
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toBeInstanceOf(SlipwayError);
    expect((thrown as SlipwayError).code).toBe('DATA_BROKEN');
    expect((thrown as SlipwayError).message).toContain(`golden.json: ${message}`);
  });
});

describe('the first difference', () => {
  const golden = read({ inputs, outputs });
  const difference = (...values: number[]) =>
    firstDifference(golden, answers(...values), [], signature, 1e-6);

  test('none within the tolerance', () => {
    expect(difference(1, 0.25, 0.75, 0, 0.9, 0.1)).toBeNull();
    expect(difference(1, 0.25 * (1 + 9e-7), 0.75, 0, 0.9, 0.1 * (1 - 9e-7))).toBeNull();
    // A row of probabilities is off by what its greatest is off.
    expect(difference(1, 0.25, 0.75, 0, 0.9, 0.1 + 8e-7)).toBeNull();
  });

  test('names row, output and both values', () => {
    expect(difference(1, 0.25, 0.75, 0, 0.9, 0.1 + 2e-6)).toMatch(/^row 1 of "p" is 0.100002.*, not 0.1$/);
    expect(difference(1, 0.25, 0.75, 1, 0.9, 0.1)).toBe('row 1 of "label" is yes, not no');
    // Outputs in the file's order, then rows.
    expect(difference(0, 0, 0.75, 0, 0.9, 0.1)).toBe('row 0 of "label" is no, not yes');
  });

  test('a label may be another where two classes are as likely', () => {
    const labelled: Signature = {
      ...signature,
      answer: { column: 2, width: 1, label: { column: 0, holds: 'index' } },
    };
    const tied = read({
      inputs,
      outputs: [
        outputs[0],
        {
          ...outputs[1],
          data: [
            [0.5, 0.5],
            [0.9, 0.1],
          ],
        },
      ],
    });
    expect(firstDifference(tied, answers(0, 0.5, 0.5, 0, 0.9, 0.1), [], labelled, 1e-6)).toBeNull();
    expect(firstDifference(tied, answers(1, 0.5, 0.5, 1, 0.9, 0.1), [], labelled, 1e-6)).toBe(
      'row 1 of "label" is yes, not no',
    );
  });

  test('a number is never a missing one', () => {
    expect(difference(1, Number.NaN, 0.75, 0, 0.9, 0.1)).toBe('row 0 of "p" is NaN, not 0.25');
    const holes = read({
      inputs,
      outputs: [
        {
          ...outputs[1],
          data: [
            ['NaN', 'Infinity'],
            [null, '-Infinity'],
          ],
        },
      ],
    });
    const same = answers(0, Number.NaN, Infinity, 0, Number.NaN, -Infinity);
    expect(firstDifference(holes, same, [], signature, 1e-6)).toBeNull();
  });

  test('an output that ends early differs', () => {
    const short = read({ inputs, outputs: [{ ...outputs[1], data: [[0.25, 0.75]] }] });
    expect(firstDifference(short, answers(1, 0.25, 0.75, 0, 0.9, 0.1), [], signature, 1e-6)).toContain(
      'row 1',
    );
  });
});

describe('a candidate with golden rows', () => {
  const examples = new URL('../../../examples/electricity/', import.meta.url).pathname;
  const bounds = { milliseconds: 30_000, bytes: 1024 * 1024 * 1024 };
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'slipway-golden-'));
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  const tryWith = (golden: string): Promise<Tried> =>
    tryCandidate(
      {
        file: { name: 'model.txt', path: join(examples, 'model.txt') },
        baseline: null,
        golden: { name: 'golden.json', path: golden },
        label: null,
        classes: null,
        onnx: null,
        rounds: 'best',
      },
      bounds,
      async (tried) => tried,
    );

  test('passes with those that its library wrote', async () => {
    const { gates } = await tryWith(join(examples, 'golden.json'));
    const gate = gates.find(({ name }) => name === 'golden rows');
    expect(gate).toMatchObject({ passed: true });
    expect(gate!.detail).toMatch(/^\d+ rows reproduced in /);
  });

  test('fails with one value changed, and the row is named', async () => {
    const golden = JSON.parse(readFileSync(join(examples, 'golden.json'), 'utf8')) as {
      outputs: { name: string; data: unknown[] }[];
    };
    const output = golden.outputs.find(({ name }) => name === 'predict')!;
    const value = output.data[7];
    if (Array.isArray(value)) value[0] = (value[0] as number) + 1e-3;
    else output.data[7] = (value as number) + 1e-3;
    const path = join(folder, 'golden.json');
    writeFileSync(path, JSON.stringify(golden));
    const thrown = await tryWith(path).then(
      () => null,
      (error: unknown) => error,
    );
    expect(thrown).toBeInstanceOf(SlipwayError);
    expect((thrown as SlipwayError).code).toBe('GATE_FAILED');
    expect((thrown as SlipwayError).message).toContain(`Gate "golden rows": row 7 of "${output.name}" is `);
  });
});
