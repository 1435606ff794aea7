import fc from 'fast-check';
import { expect, test } from 'vitest';
import { AnswerCache, contentKey, type Kept } from '../../src/lane/answer-cache.ts';
import { type Frame, newFrame } from '../../src/tensor.ts';

const frame: fc.Arbitrary<Frame> = fc
  .record({
    width: fc.integer({ min: 1, max: 3 }),
    values: fc.array(fc.constantFrom(0, -0, 1, 2, Number.NaN, 1e-320), { minLength: 1, maxLength: 9 }),
    texts: fc.array(fc.constantFrom('', 'a', 'b', 'ab', '","', 'é', '日'), { maxLength: 3 }),
  })
  .map(({ width, values, texts }) => {
    const rows = Math.max(1, Math.floor(values.length / width));
    const made = newFrame(rows, width);
    made.values.set(values.slice(0, rows * width));
    made.texts.push(...texts);
    return made;
  });

test('two requests share a key only if they are the same to the bit', () => {
  const bits = ({ rows, width, values }: Frame) => [...new BigUint64Array(values.buffer, 0, rows * width)];
  fc.assert(
    fc.property(frame, frame, (a, b) => {
      // A version's frames have one width; with others a key says only what the values are.
      const isSame =
        String(bits(a)) === String(bits(b)) && JSON.stringify(a.texts) === JSON.stringify(b.texts);
      expect(contentKey(a) === contentKey(b)).toBe(isSame);
    }),
    { numRuns: 2000 },
  );
  // What lies behind the rows in a frame that is used again does not count.
  const again = newFrame(4, 2);
  again.values.set([1, 2, 3, 4, 5, 6, 7, 8]);
  again.rows = 1;
  const once = newFrame(1, 2);
  once.values.set([1, 2]);
  expect(contentKey(again)).toBe(contentKey(once));
});

test('it stays within its bound, forgets the longest unused first, and never gives another’s answer', () => {
  const step = fc.oneof(
    fc.record({ do: fc.constant('find' as const), key: fc.nat(12) }),
    fc.record({
      do: fc.constant('keep' as const),
      key: fc.nat(12),
      size: fc.integer({ min: 1, max: 200 }),
      texts: fc.array(fc.constantFrom('', 'é', '9007199254740993'), { maxLength: 2 }),
    }),
    fc.record({ do: fc.constant('bound' as const), bytes: fc.integer({ min: 1, max: 12_000 }) }),
    fc.record({ do: fc.constant('clear' as const) }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
      let most = 8000;
      const cache = new AnswerCache(most);
      /** What it must hold, the longest unused first. */
      let known: { key: string; kept: Kept }[] = [];
      const size = ({ key, kept: { answers, texts } }: (typeof known)[number]) =>
        key.length + answers.byteLength + 256 + texts.reduce((sum, text) => sum + 24 + 2 * text.length, 0);
      const cut = (): void => {
        while (known.reduce((sum, one) => sum + size(one), 0) > most) known.shift();
      };
      for (const [i, one] of steps.entries()) {
        if (one.do === 'find') {
          const found = known.find(({ key }) => key === `key ${one.key}`);
          expect(cache.find(`key ${one.key}`)).toEqual(found?.kept ?? null);
          if (found) known = [...known.filter((each) => each !== found), found];
        } else if (one.do === 'keep') {
          const buffer = new Float64Array(one.size).fill(i);
          const texts: string[] = [...one.texts];
          const entry = { key: `key ${one.key}`, kept: { answers: buffer.slice(), texts: one.texts } };
          const fits = size(entry) <= most / 8;
          expect(cache.keep(entry.key, { answers: buffer, texts })).toBe(fits);
          if (fits) known = [...known.filter(({ key }) => key !== entry.key), entry];
          // As a lane does, for the next answer.
          buffer.fill(-99);
          texts.fill('another');
        } else if (one.do === 'bound') {
          most = one.bytes;
          cache.mostBytes = most;
        } else {
          cache.clear();
          known = [];
        }
        cut();
        expect(cache.bytes).toBe(known.reduce((sum, each) => sum + size(each), 0));
      }
    }),
    { numRuns: 500 },
  );
});
