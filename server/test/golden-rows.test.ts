import fc from 'fast-check';
import { expect, test } from 'vitest';
import { decodeGoldenRows, encodeGoldenRows, goldenDifference, takeRow } from '../src/golden-rows.ts';
import { newFrame } from '../src/tensor.ts';

const double = fc.double();
const kept = fc
  .record({ rows: fc.integer({ min: 1, max: 5 }), width: fc.integer({ min: 1, max: 4 }) })
  .chain(({ rows, width }) =>
    fc.record({
      frame: fc.record({
        rows: fc.constant(rows),
        width: fc.constant(width),
        values: fc
          .array(double, { minLength: rows * width, maxLength: rows * width })
          .map((numbers) => Float64Array.from(numbers)),
        texts: fc.array(fc.string()),
      }),
      answers: fc
        .array(double, { minLength: 2 * rows, maxLength: 2 * rows })
        .map((numbers) => Float64Array.from(numbers)),
      texts: fc.array(fc.array(fc.string(), { maxLength: 2 }), { minLength: rows, maxLength: rows }),
    }),
  );

test('they are read as they were written, to the bit', () => {
  fc.assert(
    fc.property(kept, (rows) => {
      const read = decodeGoldenRows(encodeGoldenRows(rows));
      expect(read).toEqual(rows);
      for (const [k, value] of rows.frame.values.entries()) expect(read.frame.values[k]).toBe(value);
    }),
  );
});

test('an answer is the same, or what differs is said', () => {
  fc.assert(
    fc.property(kept, fc.nat(), fc.nat(1), (rows, at, column) => {
      const row = at % rows.frame.rows;
      const got = rows.answers.slice(2 * row, 2 * row + 2);
      expect(goldenDifference(rows, row, got, rows.texts[row]!, 0)).toBeNull();
      got[column] = Object.is(got[column], 7) ? 8 : 7;
      expect(goldenDifference(rows, row, got, rows.texts[row]!, 0)).toContain(`in column ${column}`);
      if (rows.texts[row]!.length > 0) {
        const same = rows.answers.slice(2 * row, 2 * row + 2);
        expect(goldenDifference(rows, row, same, [], 0)).toContain('another text');
      }
    }),
  );
  const one = { frame: newFrame(1, 1), answers: Float64Array.of(100, Number.NaN), texts: [[]] };
  expect(goldenDifference(one, 0, Float64Array.of(100.0001, Number.NaN), [], 1e-5)).toBeNull();
  expect(goldenDifference(one, 0, Float64Array.of(100.1, Number.NaN), [], 1e-5)).not.toBeNull();
  expect(goldenDifference(one, 0, Float64Array.of(100, 0), [], 1e-5)).not.toBeNull();
  expect(goldenDifference(one, 0, Float64Array.of(Number.NaN, Number.NaN), [], 1e-5)).not.toBeNull();
});

test('a row is brought into a frame with the texts that it names', () => {
  const frame = { rows: 2, width: 2, values: Float64Array.of(1, 0, 2, 1), texts: ['a', 'b'] };
  const into = newFrame(1, 2);
  takeRow({ frame, answers: new Float64Array(2), texts: [[], []] }, 1, into);
  expect([[...into.values], into.texts]).toEqual([
    [2, 1],
    ['a', 'b'],
  ]);
});
