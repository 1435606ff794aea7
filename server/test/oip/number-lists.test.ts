import { describe, expect, it } from 'vitest';
import { parseRequest } from '../../src/oip/infer-json.ts';
import { withoutLists } from '../../src/oip/number-lists.ts';
import { seeded } from '../models/forest/random-forest.ts';

/** More for a longer look: BODIES=1000000 npx vitest run server/test/oip/number-lists.test.ts */
const bodies = Number(process.env.BODIES ?? 4000);
const random = seeded(11);
const below = (n: number): number => Math.floor(random() * n);
const oneOf = <T>(list: readonly T[]): T => list[below(list.length)]!;

describe('lists of numbers', () => {
  it('are read as JSON.parse reads them, whatever their digits', () => {
    for (let list = 0; list < 3000; list++) {
      const texts = Array.from({ length: 64 + below(64) }, numberText);
      const json = `{"data":[${texts.join()}]}`.padEnd(2048);
      const read = withoutLists(Buffer.from(json));
      const numbers = [...read!.lists.values()][0]!;
      expect(numbers.length).toBe(texts.length);
      for (const [i, text] of texts.entries())
        if (!Object.is(numbers[i], JSON.parse(text))) expect.fail(`${text} is read as ${numbers[i]}`);
    }
  });

  it('are rounded to even half way between two numbers, and up or down beside it', () => {
    const texts: string[] = [];
    for (let i = 0; i < 1000; i++) {
      // Between 2^53 and 2^63, float64 has whole numbers alone; half way between two of them lies a whole number too.
      const power = BigInt(54 + below(9));
      const low = (1n << power) + (BigInt(below(2 ** 30)) << (power - 30n));
      const gap = 1n << (power - 52n);
      const half = (low / gap) * gap + gap * BigInt(below(4)) + gap / 2n;
      for (const near of [half - 1n, half, half + 1n]) texts.push(String(near), `${near}e0`, `-${near}.0e-2`);
    }
    const plain = texts.filter((text) => text.replace(/e.*|[.-]/g, '').length <= 19);
    const read = withoutLists(Buffer.from(`[${plain}]`));
    const numbers = [...read!.lists.values()][0]!;
    for (const [i, text] of plain.entries())
      if (!Object.is(numbers[i], JSON.parse(text))) expect.fail(`${text} is read as ${numbers[i]}`);
  });

  it('are one where they are rows of data', () => {
    const data = Array.from({ length: 100 }, (_, row) => [row, -0, row / 3, 1e21, row * 1e-9, 0.1]);
    const json = Buffer.from(JSON.stringify({ inputs: [{ data }] }, null, 1));
    const { inputs } = parseRequest(json, false) as { inputs: { data: Float64Array }[] };
    // JSON.stringify writes -0 as 0.
    expect([...inputs[0]!.data]).toEqual(data.flat().map((value) => value + 0));
  });

  it.each([
    ['more digits than 64 bits hold', '12345678901234567890'],
    ['digits that are a power of two to the 64th', `1${'0'.repeat(64)}.5`],
    ['an infinite one', '1e400'],
    ['one as good as none', '1e-400'],
    ['a denormal', '5e-324'],
  ])('are left to JSON.parse for %s', (_what, text) => {
    const json = Buffer.from(
      `{"inputs":[{"data":[${Array(100).fill('0.25').join()},${text}]}]}`.padEnd(2048),
    );
    expect(withoutLists(json)).toBeNull();
    expect(parseRequest(json, false)).toEqual(JSON.parse(json.toString()));
  });

  it.each(['01', '1.', '.5', '+1', '1e', '1e+', '--1', '0x10', 'NaN', '1 2', '', '١'])(
    'are none with %j in them',
    (text) => {
      const json = Buffer.from(`{"inputs":[{"data":[${Array(600).fill('0.25').join()},${text}]}]}`);
      expect(withoutLists(json)).toBeNull();
      expect(() => parseRequest(json, false)).toThrow('The body is not JSON');
    },
  );

  it(`make requests the same values and errors as JSON.parse, for ${bodies} bodies`, () => {
    let taken = 0;
    let wrong = 0;
    for (let body = 0; body < bodies; body++) {
      const json = requestText();
      if (below(3) === 0) for (let n = 1 + below(3); n > 0; n--) json[below(json.length)] = mutant(json);
      if (withoutLists(json)) taken++;
      const expected = outcome(() =>
        JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(json)),
      );
      const found = outcome(() => parseRequest(json, false));
      if (expected === 'none') wrong++;
      if (found !== expected) expect.fail(`${json}\nis read as ${found}\ninstead of ${expected}`);
    }
    expect(taken).toBeGreaterThan(bodies / 3);
    expect(wrong).toBeGreaterThan(bodies / 20);
  });
});

function outcome(read: () => unknown): string {
  try {
    return shownExactly(read());
  } catch {
    return 'none';
  }
}

/** JSON.stringify knows no -0 and no infinity. */
function shownExactly(value: unknown): string {
  if (value instanceof Float64Array) return shownExactly([...value]);
  // Data by rows may be read as flat.
  if (Array.isArray(value)) return `[${value.flat().map(shownExactly)}]`;
  if (typeof value === 'object' && value !== null)
    return `{${Object.entries(value).map(([key, one]) => `${JSON.stringify(key)}:${shownExactly(one)}`)}}`;
  return typeof value === 'number' ? (Object.is(value, -0) ? '-0' : String(value)) : JSON.stringify(value);
}

function numberText(): string {
  const sign = oneOf(['', '-']);
  switch (below(9)) {
    case 0:
      return `${sign}${below(1000)}`;
    case 1:
      return String(Math.fround(random() * 10 ** (below(12) - 6)) * (sign ? -1 : 1));
    case 2:
      return String((random() - 0.5) * 10 ** (below(40) - 20));
    case 3:
      return `${sign}0.${'0'.repeat(below(20))}${1 + below(2 ** 31)}${below(10 ** 9)}`;
    case 4:
      return `${sign}${1 + below(9)}${String(random()).slice(2, 2 + below(17))}${oneOf(['e', 'E'])}${oneOf(['', '+', '-'])}${below(40)}`;
    case 5:
      return `${sign}${1 + below(2 ** 31)}.${String(random()).slice(2, 10)}`;
    case 6:
      return oneOf(['0', '-0', '0.0', '-0.0', '0e0', '-0E-5', '9007199254740993', '1e22', '1e23', '1E-22']);
    case 7:
      return `${sign}${(BigInt(below(2 ** 31)) << 32n) + BigInt(below(2 ** 32))}`.slice(0, 19);
    default:
      return (random() * 100).toFixed(below(16));
  }
}

const spaces = ['', '', '', ' ', '\n', '\t', '\r\n ', '  '];

function requestText(): Buffer {
  const gap = (): string => oneOf(spaces);
  const list = (): string => {
    const numbers = Array.from({ length: below(4) === 0 ? below(70) : 64 + below(90) }, numberText);
    const odd = below(8);
    if (odd === 0)
      numbers[below(numbers.length)] = oneOf(['null', 'true', '"1"', '1e400', '01', '[1]', '1e-320']);
    return `[${gap()}${numbers.join(`${gap()},${gap()}`)}${gap()}]`;
  };
  const rows = (): string =>
    `[${gap()}${Array.from({ length: 1 + below(3) }, list).join(`${gap()},${gap()}`)}${gap()}]`;
  const text = (): string =>
    JSON.stringify(oneOf(['x', '[1,2', 'a"b', '\\', '"[', '\u2028é😀', '\\"[3]', '']));
  const input = (): string => {
    const fields = [
      `"name":${text()}`,
      `"datatype":"FP32"`,
      `"shape":[${below(99)},${gap()}30]`,
      `"data"${gap()}:${gap()}${below(3) === 0 ? rows() : list()}`,
    ];
    if (below(6) === 0) fields.push(`"data":${list()}`);
    if (below(6) === 0) fields.push(`${text()}:${list()}`);
    if (below(20) === 0) fields.push(`${list()}:1`);
    fields.sort(() => random() - 0.5);
    return `{${gap()}${fields.join(`${gap()},`)}}`;
  };
  const inputs = Array.from({ length: 1 + below(3) }, input);
  const fields = [`"inputs":${gap()}[${inputs.join()}${gap()}]`, `"id":${text()}`];
  if (below(5) === 0) fields.push(`"parameters":{"key":${below(2) ? list() : text()}}`);
  fields.sort(() => random() - 0.5);
  return Buffer.from(`${gap()}{${fields.join()}}${gap()}`.padEnd(2100));
}

function mutant(json: Buffer): number {
  return oneOf([0, 9, 34, 44, 46, 48, 45, 91, 92, 93, 101, 123, 128, 195, 255, json[below(json.length)]!]);
}
