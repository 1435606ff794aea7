import fc from 'fast-check';
import { expect, test } from 'vitest';
import { readTrace, traceparentOf } from '../src/trace.ts';

const hex = (length: number) =>
  fc
    .array(fc.constantFrom(...'0123456789abcdef'), { minLength: length, maxLength: length })
    .map((digits) => digits.join(''))
    .filter((text) => !/^0*$/.test(text));

test('what is well-formed is read, and written as it was', () => {
  fc.assert(
    fc.property(hex(32), hex(16), fc.integer({ min: 0, max: 3 }), (id, parent, flags) => {
      const header = `00-${id}-${parent}-0${flags}`;
      const trace = readTrace(header, 'vendor=1');
      expect(trace).toEqual({ id, parent, flags, state: 'vendor=1' });
      expect(traceparentOf(trace!)).toBe(header);
    }),
  );
});

const [id, parent] = ['4bf92f3577b34da6a3ce929d0e0e4736', '00f067aa0ba902b7'];

test.each([
  ['', 'nothing'],
  [`00-${id}-${parent}`, 'no flags'],
  [`00-${id}-${parent}-01-more`, 'more than version 00 has'],
  [`ff-${id}-${parent}-01`, 'the version that there never is'],
  [`00-${'0'.repeat(32)}-${parent}-01`, 'no trace'],
  [`00-${id}-${'0'.repeat(16)}-01`, 'no span'],
  [`00-${id.toUpperCase()}-${parent}-01`, 'capitals'],
  [`00-${id}-${parent}-01, 00-${id}-${parent}-01`, 'two of them'],
])('%j begins a trace anew: %s', (header) => {
  expect(readTrace(header, undefined)).toBeNull();
});

test('a later version is read as far as it is known', () => {
  expect(readTrace(`01-${id}-${parent}-ff-more`, undefined)).toEqual({ id, parent, flags: 255, state: '' });
  expect(traceparentOf(readTrace(`01-${id}-${parent}-ff-more`, undefined)!)).toBe(`00-${id}-${parent}-03`);
});

test('a state that is too long is dropped', () => {
  expect(readTrace(`00-${id}-${parent}-01`, `a=${'b'.repeat(600)}`)!.state).toBe('');
});
