import { existsSync, readdirSync } from 'node:fs';
import fc from 'fast-check';
import { afterAll, expect, test } from 'vitest';
import { errorBody } from '../../src/errors.ts';
import type { AnswerToWrite, BodyToRead } from '../../src/http/data/aside.ts';
import type { RowsRequest, Written } from '../../src/http/data/format.ts';
import { type FormatName, formatNamed } from '../../src/http/data/formats.ts';
import { packRows } from '../../src/journal/record-writer.ts';
import type { Arm } from '../../src/lane/arm.ts';
import { codecOf } from '../../src/lane/codec.ts';
import { SideThread } from '../../src/lane/side-thread.ts';
import type { PackedBack, RowsToPack } from '../../src/lane/side-work.ts';
import { answerWidth, type Signature } from '../../src/signature.ts';
import type { ServedVersion } from '../../src/snapshot.ts';
import { newFrame } from '../../src/tensor.ts';
import { nobody } from '../../src/waiting.ts';

/** Whatever comes, the side thread reads, writes and packs it as the lane does itself: to the bit, errors included. */
const signature: Signature = {
  task: 'other',
  features: [
    { name: 'a', type: 'number' },
    { name: 'b', type: 'number' },
    { name: 'n', type: 'integer' },
    { name: 'word', type: 'string' },
    { name: 'colour', type: 'category', categories: ['red', 'blue'] },
  ],
  inputs: [
    { name: 'X', datatype: 'FP32', shape: [-1, 2], column: 0, width: 2 },
    { name: 'n', datatype: 'INT64', shape: [-1, 1], column: 2, width: 1 },
    { name: 'word', datatype: 'BYTES', shape: [-1, 1], column: 3, width: 1 },
    { name: 'colour', datatype: 'FP64', shape: [-1, 1], column: 4, width: 1 },
  ],
  outputs: [
    { name: 'said', datatype: 'BYTES', shape: [-1], column: 0, width: 1 },
    { name: 'p', datatype: 'FP32', shape: [-1, 2], column: 1, width: 2 },
    { name: 'count', datatype: 'INT64', shape: [-1], column: 3, width: 1 },
  ],
  answer: null,
  missingAllowed: true,
};
const version = {
  version: 3,
  signature,
  policy: { missing: 'impute', unknown: 'impute', extra: 'reject' },
  impute: [1, 2, 3, null, 0],
} as unknown as ServedVersion;
const codec = codecOf({ model: 'm"', version, privacy: { hash: ['a'], drop: ['b'] }, secret: 'secret' });
const arm = { ...codec, retired: false } as unknown as Arm;

const side = new SideThread(new URL('../../src/processes/lane-thread.ts', import.meta.url), 512, 60_000);
afterAll(() => side.close());

function shared(bytes: Uint8Array): Uint8Array<SharedArrayBuffer> {
  const piece = new Uint8Array(new SharedArrayBuffer(bytes.length));
  piece.set(bytes);
  return piece;
}

const integer = fc.oneof(
  fc.integer(),
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  fc.constantFrom(9007199254740993n, 2n ** 63n - 1n),
);
/** Now and then what is refused. */
const mostly = <T>(right: fc.Arbitrary<T>, ...wrong: T[]): fc.Arbitrary<T> =>
  fc.oneof({ arbitrary: right, weight: 30 }, { arbitrary: fc.constantFrom(...wrong), weight: 1 });
const real = fc.oneof(fc.double(), fc.constantFrom(-0, 1e22, 0.1), fc.integer());
const text = fc.string({ unit: 'binary', minLength: 1, maxLength: 6 });
const row = fc.record(
  {
    a: real,
    b: fc.option(real),
    n: mostly<unknown>(integer, 2n ** 63n, 'one', null),
    word: text,
    colour: fc.constantFrom('red', 'blue', 'green'),
  },
  { requiredKeys: ['n', 'word'] },
);
const rows = fc.array(row, { minLength: 1, maxLength: 8 });
const said = fc.record(
  {
    subject: mostly(text, ''),
    key: fc.oneof(text, integer),
    at: mostly<unknown>(fc.constantFrom(1e12, '2020-01-02T03:04:05Z'), 'noon'),
    timeout: fc.nat(),
    priority: mostly(fc.nat(), -1),
  },
  { requiredKeys: [] },
);
/** JSON with integers of all their digits, and each member once more where that is wanted: the last one counts. */
function json(value: unknown, twice = false): string {
  if (typeof value === 'bigint') return String(value);
  if (Array.isArray(value)) return `[${value.map((one) => json(one, twice))}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null';
  const members = Object.entries(value).map(([name, one]) => `${JSON.stringify(name)}:${json(one, twice)}`);
  return `{${twice ? [...members, ...members] : members}}`;
}

type Row = typeof row extends fc.Arbitrary<infer T> ? T : never;
const tensorsOf = (given: Row[], classes: unknown, id: string | undefined) => ({
  ...(id === undefined ? {} : { id }),
  inputs: [
    { name: 'X', datatype: 'FP32', shape: [given.length, 2], data: given.map(({ a, b }) => [a, b]) },
    { name: 'n', datatype: 'INT64', shape: [given.length, 1], data: given.map(({ n }) => n) },
    { name: 'word', datatype: 'BYTES', shape: [given.length], data: given.map(({ word }) => word) },
    { name: 'colour', datatype: 'FP64', shape: [given.length], data: given.map(() => 1) },
  ],
  outputs: [{ name: 'p', parameters: { classification: classes } }, { name: 'said' }],
});
const body: fc.Arbitrary<{ format: FormatName; text: string }> = fc
  .record({
    rows,
    said,
    format: fc.constantFrom<FormatName>('namedRows', 'tensors', 'instances'),
    classes: mostly<unknown>(fc.constantFrom(undefined, 1, '2', [1]), 0),
    id: fc.option(text, { nil: undefined }),
    twice: fc.boolean(),
  })
  .map(({ rows, said, format, classes, id, twice }) => {
    const whole =
      format === 'tensors'
        ? { ...tensorsOf(rows, classes, id), parameters: said }
        : format === 'instances'
          ? { instances: rows, parameters: said }
          : { ...(rows.length === 1 ? { features: rows[0] } : { rows }), ...said };
    return { format, text: json(whole, twice) };
  });
/** Some of them damaged: cut short, or with bytes put in that parsers dislike. */
const nasty = ['', '"', '[', '1e400', '\\ud800', '\xff', '9'.repeat(400), ',"__proto__":{}'];
const bodies = fc
  .record({
    body,
    damage: fc.option(fc.record({ at: fc.double({ min: 0, max: 1, noNaN: true }), put: fc.nat(7) }), {
      freq: 1,
    }),
    pieces: fc.integer({ min: 1, max: 5 }),
  })
  .map(({ body: { format, text }, damage, pieces }) => {
    const sound = Buffer.from(text);
    const at = Math.floor((damage?.at ?? 0) * sound.length);
    const bytes = damage
      ? Buffer.concat([
          sound.subarray(0, at),
          Buffer.from(nasty[damage.put]!, 'latin1'),
          damage.put === 0 ? Buffer.alloc(0) : sound.subarray(at),
        ])
      : sound;
    return { format, bytes, pieces };
  });

test('a body is read there as it is here', async () => {
  const seen = { read: 0, refused: 0 };
  await fc.assert(
    fc.asyncProperty(bodies, async ({ format, bytes, pieces }) => {
      const made = (count: number) => newFrame(count, signature.features.length);
      let here: unknown;
      try {
        here = formatNamed(format).read(codec, bytes, null, made);
        seen.read++;
      } catch (thrown) {
        here = errorBody(thrown);
        seen.refused++;
      }
      const size = Math.ceil(bytes.length / pieces) || 1;
      const cut = Array.from({ length: Math.ceil(bytes.length / size) }, (_, k) =>
        shared(bytes.subarray(k * size, (k + 1) * size)),
      );
      const given: BodyToRead = { format, pieces: cut, jsonBytes: null };
      const there = await side
        .begin<RowsRequest<unknown>>('read', arm, given, nobody)
        .catch((thrown: unknown) => errorBody(thrown));
      // It may be needed again.
      expect(Buffer.concat(cut).equals(bytes)).toBe(true);
      expect(there).toEqual(here);
    }),
    { seed: 21, numRuns: 600 },
  );
  // It did reach what it was meant to reach.
  expect(seen.read).toBeGreaterThan(100);
  expect(seen.refused).toBeGreaterThan(100);
});

const answered = fc
  .array(fc.record({ word: text, p: fc.tuple(fc.double(), fc.double()), count: fc.integer() }), {
    minLength: 1,
    maxLength: 8,
  })
  .map((given) => ({
    rows: given.length,
    answers: Float64Array.from(given.flatMap(({ p, count }, i) => [i + 0.5, ...p, count])),
    texts: given.map(({ word }) => word),
  }));

test('an answer is written there as it is here', async () => {
  const rests: { [format in FormatName]: unknown[] } = {
    namedRows: [{ isOne: false }],
    tensors: [
      { id: 'i', parameters: {}, outputs: null },
      { id: '', parameters: { binary_data_output: true }, outputs: null },
      { id: '', parameters: {}, outputs: [{ name: 'p', parameters: { classification: 2 } }] },
      { id: '', parameters: {}, outputs: [{ name: 'said', parameters: { binary_data: true } }] },
    ],
    instances: [null],
  };
  const cases = Object.entries(rests).flatMap(([format, all]) =>
    all.map((rest) => ({ format: format as FormatName, rest })),
  );
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...cases), answered, async ({ format, rest }, given) => {
      const id = '019a0000-0000-7000-8000-000000000000';
      const here = formatNamed(format).write(codec, rest, { id, ...given });
      const own = given.answers.slice();
      const task: AnswerToWrite = { format, rest, answered: { id, ...given, answers: own } };
      const there = await side.finish<Written>('write', arm, task, [own.buffer]);
      expect(there.jsonBytes).toBe(here.jsonBytes);
      expect(Buffer.from(there.body as Uint8Array).equals(Buffer.from(here.body as string))).toBe(true);
    }),
    { seed: 22, numRuns: 200 },
  );
});

test('a record’s rows are made there as they are here, and the numbers come back', async () => {
  await fc.assert(
    fc.asyncProperty(answered, fc.array(real), async ({ rows, answers, texts }, numbers) => {
      const frame = newFrame(rows, signature.features.length);
      for (let i = 0; i < frame.values.length; i++) frame.values[i] = numbers[i] ?? i % rows;
      for (let k = 0; k < rows; k++) frame.values[k * frame.width + 3] = frame.texts.push(`word ${k}`) - 1;
      expect(answers.length).toBe(rows * answerWidth(signature));
      const here = packRows({ ...codec.journaled.of(frame), answers, answerTexts: texts });
      const [values, own] = [frame.values.slice(), answers.slice()];
      const given: RowsToPack = { frame: { ...frame, values }, answers: own, texts, file: null };
      const there = await side.finish<PackedBack>('pack', arm, given, [values.buffer, own.buffer]);
      expect(there).toEqual({ packed: here, values: frame.values, answers });
    }),
    { seed: 23, numRuns: 100 },
  );
});

test('whoever has gone, or is late, is told so before anything is read; the others are answered', async () => {
  const given = (): BodyToRead => ({
    format: 'namedRows',
    pieces: [shared(Buffer.from('{"features":{"n":1,"word":"w"}}'))],
    jsonBytes: null,
  });
  const gone = { ...nobody, cancellation: { cancelled: true, whenCancelled: () => {} } };
  const outcomes = await Promise.allSettled(
    [nobody, gone, { ...nobody, deadline: performance.now() - 1 }, nobody].map((waiting) =>
      side.begin<RowsRequest<unknown>>('read', arm, given(), waiting),
    ),
  );
  expect(outcomes.map((one) => (one.status === 'rejected' ? one.reason.code : one.value.frame.rows))).toEqual(
    [1, 'CANCELLED', 'TIMEOUT', 1],
  );
});

test('a thread that dies costs its caller an error, and the next one nothing', async () => {
  const dying = new SideThread(new URL('./dying-thread.ts', import.meta.url), 64, 60_000);
  const ask = (job: string) => dying.begin<string>(job, arm, {}, nobody);
  const outcomes = await Promise.allSettled([ask('memory'), ask('sound'), ask('exit'), ask('sound')]);
  dying.close();
  expect(outcomes.map((one) => (one.status === 'rejected' ? one.reason.code : one.value))).toEqual([
    'BODY_TOO_LARGE',
    'm"',
    'INTERNAL',
    'm"',
  ]);
});

test('one whose body takes too long to read costs nobody else more than that', async () => {
  const busy = new SideThread(new URL('./dying-thread.ts', import.meta.url), 64, 2000);
  const outcomes = await Promise.allSettled(
    ['endless', 'sound'].map((job) => busy.begin<string>(job, arm, {}, nobody)),
  );
  busy.close();
  expect(outcomes.map((one) => (one.status === 'rejected' ? one.reason.code : one.value))).toEqual([
    'BODY_TOO_LARGE',
    'm"',
  ]);
});

test.runIf(existsSync('/proc/self/task'))(
  'a thread that was given up is gone before there is another',
  async () => {
    const threads = (): number => readdirSync('/proc/self/task').length;
    const busy = new SideThread(new URL('./dying-thread.ts', import.meta.url), 512, 20);
    // Node's own helpers are there from the first worker on.
    await busy.finish('sound', arm, {}, []);
    const one = threads();
    let most = 0;
    const look = setInterval(() => {
      most = Math.max(most, threads());
    }, 1);
    const outcomes = await Promise.allSettled([
      ...['deaf', 'deaf', 'deaf'].map((job) => busy.begin<string>(job, arm, {}, nobody)),
      busy.finish<string>('sound', arm, {}, []),
    ]);
    clearInterval(look);
    busy.close();
    expect(outcomes.map((one) => (one.status === 'rejected' ? one.reason.code : one.value))).toEqual([
      'BODY_TOO_LARGE',
      'BODY_TOO_LARGE',
      'BODY_TOO_LARGE',
      'm"',
    ]);
    expect(most).toBeLessThanOrEqual(one);
  },
);

test.each([
  ['objects', '{},', 2_000_100, true],
  ['lists in lists', '[[],[]],', 700_000, true],
  ['as many as may be', '[],', 1_999_000, false],
  ['brackets in texts', '"[{\\"[{",', 1_000_000, false],
  ['numbers', '1,', 3_000_000, false],
])(
  'a body that holds more than can be read is refused before it is: %s',
  async (_, piece, times, isRefused) => {
    const json = `{"instances":[${piece.repeat(times)}0]}`;
    const given: BodyToRead = { format: 'instances', pieces: [shared(Buffer.from(json))], jsonBytes: null };
    const read = side.begin<RowsRequest<unknown>>('read', arm, given, nobody);
    await expect(read).rejects.toMatchObject({ code: isRefused ? 'BODY_TOO_LARGE' : 'INVALID_REQUEST' });
  },
);

test('what a thread knew of a version that is served no more is told again to the next', async () => {
  const old = { ...codec, retired: false } as unknown as { retired: boolean } & Arm;
  const read = async (one: Arm) => {
    const pieces = [shared(Buffer.from('{"features":{"n":1,"word":"w"}}'))];
    const given: BodyToRead = { format: 'namedRows', pieces, jsonBytes: null };
    return (await side.begin<RowsRequest<unknown>>('read', one, given, nobody)).frame.rows;
  };
  expect(await read(old)).toBe(1);
  old.retired = true;
  expect(await read(arm)).toBe(1);
  // Somebody who had routed to it before asks still.
  expect(await read(old)).toBe(1);
});
