import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseExact, stringify } from '../src/json.ts';
import { mergedFrame } from '../src/lane/merged-frame.ts';
import { ownTexts } from '../src/lane/own-texts.ts';
import { elements } from '../src/oip/elements.ts';
import { answerWidth, type Signature } from '../src/signature.ts';
import type { Frame } from '../src/tensor.ts';
import { intoTexts, isInTexts, nearest, ofInteger, textAt, toInteger } from '../src/texts.ts';

const int64 = fc.oneof(
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  fc.bigInt({ min: 2n ** 53n - 3n, max: 2n ** 53n + 3n }),
  fc.bigInt({ min: -3n, max: 3n }),
);
const uint64 = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });

test('any whole number of 64 bits comes out of a column as it went in', () => {
  fc.assert(
    fc.property(fc.array(fc.oneof(int64, uint64)), (given) => {
      const texts: string[] = [];
      const column = given.map((one) => ofInteger(one, texts));
      expect(column.map((value) => toInteger(value, texts))).toEqual(given);
      expect(column.map((value) => nearest(value, texts))).toEqual(given.map(Number));
      // What float64 holds costs no text.
      expect(column.map(isInTexts)).toEqual(given.map((one) => !Number.isSafeInteger(Number(one))));
    }),
  );
  for (const value of [0, -0, -1, 2 ** 53, Number.NaN, Number.POSITIVE_INFINITY, 1e300, 0.25])
    expect(isInTexts(value)).toBe(false);
});

test('JSON, its numbers to the last digit', () => {
  fc.assert(
    fc.property(
      fc.array(int64),
      fc.array(fc.double({ noNaN: true, min: -1e15, max: 1e15 })),
      fc.string(),
      (whole, others, text) => {
        const value = { whole, others: others.map((one) => one + 0), text, [text]: { text } };
        const kept = (one: bigint) => (Number.isSafeInteger(Number(one)) ? Number(one) : one);
        const written = stringify(value);
        expect(parseExact(written)).toEqual({
          ...(JSON.parse(JSON.stringify({ ...value, whole: [] })) as object),
          whole: whole.map(kept),
          ...(text === 'whole' ? { whole: { text } } : {}),
        });
      },
    ),
  );
  expect(
    parseExact('[9007199254740993, 9007199254740993.0, 1e19, "9007199254740993", -9007199254740993]'),
  ).toEqual([9007199254740993n, 2 ** 53, 1e19, '9007199254740993', -9007199254740993n]);
});

test('a tensor takes what its 64 bits hold, and nothing else', () => {
  const read = (type: 'INT64' | 'UINT64', value: unknown) => {
    const texts: string[] = [];
    const column = elements[type].fromJson(value, texts);
    return column === undefined ? null : toInteger(column, texts);
  };
  expect(read('INT64', 2n ** 63n - 1n)).toBe(2n ** 63n - 1n);
  expect(read('INT64', 2n ** 63n)).toBeNull();
  expect(read('INT64', 2 ** 63)).toBeNull();
  expect(read('INT64', -(2n ** 63n))).toBe(-(2n ** 63n));
  expect(read('UINT64', 2n ** 64n - 1n)).toBe(2n ** 64n - 1n);
  expect(read('UINT64', 2n ** 64n)).toBeNull();
  for (const wrong of [-1, -1n, 0.5, '1', null, true]) expect(read('UINT64', wrong)).toBeNull();
  fc.assert(
    fc.property(int64, (value) => {
      const texts: string[] = [];
      const raw = new Uint8Array(BigInt64Array.of(value).buffer);
      expect(toInteger(elements.INT64.unpack(raw, texts)[0]!, texts)).toBe(value);
    }),
  );
});

/** A version that takes an integer, a text and a number, and answers a text, an integer and a number. */
const signature: Signature = {
  task: 'regression',
  features: [
    { name: 'count', type: 'integer' },
    { name: 'text', type: 'string' },
    { name: 'x', type: 'number' },
  ],
  inputs: [
    { name: 'count', datatype: 'INT64', shape: [-1], column: 0, width: 1 },
    { name: 'text', datatype: 'BYTES', shape: [-1], column: 1, width: 1 },
    { name: 'x', datatype: 'FP64', shape: [-1], column: 2, width: 1 },
  ],
  outputs: [
    { name: 'said', datatype: 'BYTES', shape: [-1], column: 0, width: 1 },
    { name: 'total', datatype: 'INT64', shape: [-1], column: 1, width: 1 },
    { name: 'y', datatype: 'FP64', shape: [-1], column: 2, width: 1 },
  ],
  answer: { column: 2, width: 1 },
  missingAllowed: false,
};
const row = fc.record({
  count: int64,
  text: fc.string(),
  x: fc.double({ noNaN: true, noDefaultInfinity: true }),
});
const request = fc.array(row, { minLength: 1, maxLength: 4 });

test('requests that are answered together get their own values, and no other’s texts', () => {
  const width = answerWidth(signature);
  fc.assert(
    fc.property(fc.array(request, { minLength: 1, maxLength: 4 }), (requests) => {
      const frames = requests.map((rows): Frame => {
        const texts: string[] = [];
        const values = rows.flatMap(({ count, text, x }) => [
          ofInteger(count, texts),
          texts.push(text) - 1,
          x + 0.5,
        ]);
        return { rows: rows.length, width: 3, values: Float64Array.from(values), texts };
      });
      const merged = mergedFrame(frames, signature);
      const answers = new Float64Array(merged.rows * width);
      const texts: string[] = [];
      for (let i = 0; i < merged.rows; i++) {
        const [count, text, x] = merged.values.subarray(i * 3, i * 3 + 3);
        const said = intoTexts(merged.texts[text!]!, texts);
        answers.set([said, ofInteger(toInteger(count!, merged.texts), texts), x!], i * width);
      }
      let from = 0;
      for (const rows of requests) {
        const own = answers.subarray(from, from + rows.length * width);
        from += own.length;
        const kept = ownTexts(signature, own, width, texts);
        for (const [i, { count, text, x }] of rows.entries()) {
          const [said, total, y] = own.subarray(i * width, (i + 1) * width);
          expect([textAt(said!, kept), toInteger(total!, kept), y]).toEqual([text, count, x + 0.5]);
        }
        const written = rows.filter(({ count }) => !Number.isSafeInteger(Number(count)));
        expect(kept).toHaveLength(rows.length + written.length);
      }
    }),
  );
});
