import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { JsonDocument } from '../../../src/models/xgboost/json-document.ts';
import { UbjDocument } from '../../../src/models/xgboost/ubj-document.ts';

const json = (text: string) => new JsonDocument(Buffer.from(text), 'model.json');

/** UBJSON of anything JSON has, numbers as float64 (D), whole ones as int64 (L). */
function ubj(value: unknown): Buffer {
  const length = (n: number) => {
    const bytes = Buffer.alloc(9, 'L');
    bytes.writeBigInt64BE(BigInt(n), 1);
    return bytes;
  };
  const text = (of: string) => Buffer.concat([length(Buffer.byteLength(of)), Buffer.from(of)]);
  if (value === null) return Buffer.from('Z');
  if (typeof value === 'boolean') return Buffer.from(value ? 'T' : 'F');
  if (typeof value === 'string') return Buffer.concat([Buffer.from('S'), text(value)]);
  if (typeof value === 'number') {
    const bytes = Buffer.alloc(9, 'D');
    bytes.writeDoubleBE(value, 1);
    return bytes;
  }
  const close = Array.isArray(value) ? ']' : '}';
  const inside = Array.isArray(value)
    ? value.map(ubj)
    : Object.entries(value as object).flatMap(([key, one]) => [text(key), ubj(one)]);
  return Buffer.concat([Buffer.from(close === ']' ? '[' : '{'), ...inside, Buffer.from(close)]);
}

describe('JSON and UBJSON, walked once', () => {
  it('read every number as JSON.parse does, to the bit', () => {
    const number = fc.oneof(fc.double(), fc.integer(), fc.float(), fc.maxSafeInteger());
    const property = fc.property(fc.array(number.filter(Number.isFinite)), (numbers) => {
      expect([...json(JSON.stringify(numbers)).numbers()]).toEqual(JSON.parse(JSON.stringify(numbers)));
      expect([...new UbjDocument(ubj(numbers), 'm').numbers()]).toEqual(numbers);
    });
    fc.assert(property, { seed: 1, numRuns: 500 });
    for (const text of [
      '[ 1E0 , -0,\n2.5e+3,9007199254740993, 1e-400, 123456789012345678901234567890]',
      '[]',
      '[1e400]',
    ]) {
      expect([...json(text).numbers()]).toEqual(JSON.parse(text));
    }
  });

  it('pass over any value, and read what follows it', () => {
    const property = fc.property(fc.jsonValue({ maxDepth: 6 }), fc.string(), (value, text) => {
      for (const document of [
        json(JSON.stringify({ skipped: value, wanted: text }, null, 1)),
        new UbjDocument(ubj({ skipped: value, wanted: text }), 'm'),
      ]) {
        const words: string[] = [];
        document.object((key) => {
          if (key === 'wanted') words.push(document.word());
        });
        document.end();
        expect(words).toEqual([text]);
      }
    });
    fc.assert(property, { seed: 2, numRuns: 500 });
  });

  it('take XGBoost’s typed lists and lists with a count', () => {
    const document = new UbjDocument(Buffer.from('5b24552300', 'hex'), 'm');
    expect(() => document.numbers()).toThrow(/length is missing/);
    const typed = Buffer.concat([
      Buffer.from('[$l#L'),
      Buffer.from('0000000000000002ffffffff00000007', 'hex'),
    ]);
    expect([...new UbjDocument(typed, 'm').numbers()]).toEqual([-1, 7]);
    const counted = Buffer.concat([
      Buffer.from('[#U\x02'),
      Buffer.from('i\x05d'),
      Buffer.from('3fc00000', 'hex'),
    ]);
    expect([...new UbjDocument(counted, 'm').numbers()]).toEqual([5, 1.5]);
  });

  it.each(['[1,]', '[1 2]', '[1', '[01x]', '[.5]', '[1.e]', '[1e]', '["1"]', '[null]', '{}', '[-]', '[+1]'])(
    '%s is no list of numbers',
    (text) => {
      expect(() => json(text).numbers()).toThrow(expect.objectContaining({ code: 'FILE_BROKEN' }));
    },
  );

  it.each([
    '{"a":[1}',
    '{"a":"b}',
    '{"a":}',
    '{"a" 1}',
    '{"a":1,}',
    '{"a":1 "b":2}',
    '{"a":1}}',
    '{"a":1,"a":2}',
    '{"a":"\u0001"}',
    '{a:1}',
  ])('%s is no JSON', (text) => {
    const walk = () => {
      const document = json(text);
      document.object(() => {});
      document.end();
    };
    expect(walk).toThrow(expect.objectContaining({ code: 'FILE_BROKEN' }));
  });
});
