import fc from 'fast-check';
import { expect, test } from 'vitest';
import { fields, MessageWriter, numbers, text } from '../../../src/models/onnx/protobuf.ts';
import { message, varints } from './onnx-file.ts';

const read = (bytes: Uint8Array) => [...fields({ bytes, from: 0, to: bytes.length })];

test('numbers of every size, packed and alone', () => {
  const values = [
    0,
    1,
    127,
    128,
    300,
    2 ** 31,
    2 ** 32,
    2 ** 49 - 1,
    2 ** 49,
    2 ** 53,
    2 ** 56,
    2 ** 62,
    -1,
    -2,
    -300,
    -(2 ** 53),
    -(2 ** 63),
  ];
  expect(numbers(read(message([8, varints(...values)]))[0]!)).toEqual(values);
  for (const value of values) {
    const [field] = read(Uint8Array.of(8 << 3, ...varints(value)));
    expect([field!.number, field!.value, ...numbers(field!)]).toEqual([8, value, value]);
  }
});

test('what is written is read back', () => {
  fc.assert(
    fc.property(
      fc.array(
        fc.tuple(
          fc.integer({ min: 1, max: 2 ** 20 }),
          fc.oneof(fc.string(), fc.uint8Array(), fc.nat({ max: 2 ** 40 })),
        ),
      ),
      (parts) => {
        const bytes = message(...parts);
        const found = read(bytes);
        expect(
          found.map((field, i) => {
            const content = parts[i]![1];
            if (typeof content === 'number') return [field.number, field.value];
            return [
              field.number,
              typeof content === 'string' ? text(field.span) : bytes.slice(field.span.from, field.span.to),
            ];
          }),
        ).toEqual(parts);
        const copy = new MessageWriter();
        for (const field of found) copy.copy(field);
        expect(copy.done()).toEqual(bytes);
      },
    ),
    { seed: 5 },
  );
});

test.each([
  ['there is no field 0', [0x00, 0x01]],
  ['there is no wire type 3', [0x0b]],
  ['it ends inside a number', [0x08, 0x80]],
  ['it ends inside a number', [0x0d, 1, 2]],
  ['a number is too long', [0x08, ...Array.from({ length: 11 }, () => 0x80)]],
  ['a part says it has 5 bytes; 1 are left', [0x0a, 5, 1]],
  ['bytes; 0 are left', [0x0a, ...varints(-1)]],
])('%s', (says, bytes) => {
  expect(() => read(Uint8Array.from(bytes))).toThrow(RangeError);
  expect(() => read(Uint8Array.from(bytes))).toThrow(says);
});
