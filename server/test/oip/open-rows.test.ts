import fc from 'fast-check';
import { expect, test } from 'vitest';
import { readerOf } from '../../src/oip/elements.ts';
import { nestedRow, openRows, readOpenRow, sameOpenRows, writeOpenRow } from '../../src/oip/open-rows.ts';
import type { Datatype, TensorSpec } from '../../src/signature.ts';
import { intoTexts, textAt, toInteger } from '../../src/texts.ts';

const spec = (datatype: Datatype, shape: number[]): TensorSpec => ({
  name: 't',
  datatype,
  shape,
  column: 0,
  width: 1,
});

test('any row comes out of its text as it went in', () => {
  const shape = fc.array(fc.integer({ min: 0, max: 3 }), { minLength: 1, maxLength: 3 });
  const of = (datatype: Datatype, values: fc.Arbitrary<unknown>) =>
    fc.property(
      shape.chain((inner) => {
        const length = inner.reduce((product, size) => product * size, 1);
        return fc.tuple(fc.constant(inner), fc.array(values, { minLength: length, maxLength: length }));
      }),
      ([inner, given]) => {
        const texts: string[] = [];
        const read = readerOf(datatype);
        const columns = given.map((value) => read(value, texts)!);
        const text = writeOpenRow(datatype, { shape: inner, values: columns, texts });
        const row = readOpenRow(spec(datatype, [-1, ...inner.map(() => -1)]), text);
        expect(row.shape).toEqual(inner);
        const back = Array.from(row.values, (value) =>
          datatype === 'BYTES'
            ? textAt(value, row.texts)
            : datatype === 'INT64'
              ? toInteger(value, row.texts)
              : value,
        );
        expect(back).toEqual(given);
      },
    );
  fc.assert(of('BYTES', fc.string({ unit: 'binary' })));
  fc.assert(of('INT64', fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })));
  fc.assert(of('FP64', fc.double()));
});

test('a nested list is a row if it is rectangular and fits', () => {
  const number = readerOf('FP32');
  const open = spec('FP32', [-1, -1, 2]);
  expect(
    nestedRow(
      open,
      [
        [1, 2],
        [3, 4],
        [5, 6],
      ],
      number,
    )?.shape,
  ).toEqual([3, 2]);
  for (const wrong of [
    1,
    [1, 2],
    [[1, 2, 3]],
    [[1, 2], [3]],
    [[1, 2], 3],
    [[[1], [2]]],
    [['a', 'b']],
    null,
    {},
  ])
    expect(nestedRow(open, wrong, number)).toBeNull();
  let deep: unknown = [];
  for (let i = 0; i < 10_000; i++) deep = [deep];
  expect(nestedRow(open, deep, number)).toBeNull();
});

test('rows of one size are one tensor, of several none', () => {
  const texts: string[] = [];
  const column = (values: number[]) =>
    intoTexts(writeOpenRow('FP32', { shape: [values.length], values, texts: [] }), texts);
  const rows = Float64Array.of(column([1, 2.5]), column([Number.NaN, 4]));
  expect(openRows(spec('FP32', [-1, -1]), rows, texts)).toMatchObject({
    shape: [2],
    values: Float64Array.of(1, 2.5, Number.NaN, 4),
  });
  const uneven = Float64Array.of(column([1]), column([1, 2]));
  expect(() => openRows(spec('FP32', [-1, -1]), uneven, texts)).toThrow('different sizes');
});

test('rows are the same within a tolerance; free text only to the letter, whatever it looks like', () => {
  const row = (...values: number[]) => writeOpenRow('FP32', { shape: [values.length], values, texts: [] });
  expect(sameOpenRows(row(1, 2), row(1, 2.000001), 1e-5)).toBe(true);
  expect(sameOpenRows(row(1, 2), row(1, 2.1), 1e-5)).toBe(false);
  expect(sameOpenRows(row(1, 2), row(1), 1e-5)).toBe(false);
  expect(sameOpenRows(row(Number.NaN), row(Number.NaN), 1e-5)).toBe(true);
  for (const text of ['{"shape":', '{"shape":1}', '{"shape":[1],"data":2}', '']) {
    expect(sameOpenRows(text, `${text} `, 1)).toBe(false);
    expect(sameOpenRows(text, row(1), 1)).toBe(false);
    expect(sameOpenRows(text, text, 0)).toBe(true);
  }
});
