import * as fs from 'node:fs';
import { appendFileSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { JournalEvent, LabelEvent, PredictionEvent } from '../../src/events.ts';
import { Appender, type AppenderOptions } from '../../src/journal/appender.ts';
import { crc32c, crc32cJoined } from '../../src/journal/crc32c.ts';
import { Finder } from '../../src/journal/find.ts';
import { compareIds, IdSource, idIncarnation, idText, idTime, parseId } from '../../src/journal/id.ts';
import { type Damage, Reader } from '../../src/journal/reader.ts';
import { packRows, RecordWriter } from '../../src/journal/record-writer.ts';
import { recover } from '../../src/journal/recover.ts';
import { retain } from '../../src/journal/retain.ts';
import { writeRows } from '../../src/journal/rows-file.ts';
import { listSegments, segmentFile } from '../../src/journal/segments.ts';
import { seeded } from '../stats/seeded.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'slipway-journal-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const features = ['a', 'b'];
const open = (options: Partial<AppenderOptions> = {}) =>
  new Appender({
    folder,
    incarnation: 1,
    maxSegmentBytes: 1 << 20,
    maxSegmentAgeMs: 1e12,
    syncPeriodMs: 1e6,
    now: () => 0,
    ...options,
  });
const ids = (incarnation = 1) => new IdSource(incarnation, 0, () => 0.5);

function prediction(id: Uint8Array, changes: Partial<PredictionEvent> = {}): PredictionEvent {
  return {
    type: 'prediction',
    id,
    model: 'm',
    version: 1,
    update: 0,
    snapshot: 1,
    role: 'live',
    propensity: 1,
    rollout: null,
    subject: null,
    key: null,
    trace: null,
    at: 5,
    latency: 12.5,
    rows: 1,
    features,
    values: Float64Array.of(1, 2),
    texts: [],
    failure: null,
    answerTexts: [],
    answers: Float64Array.of(0.5),
    imputed: 0,
    ...changes,
  };
}

function readAll(onDamage?: (damage: Damage) => void): JournalEvent[] {
  const reader = new Reader(folder, {}, onDamage);
  const events: JournalEvent[] = [];
  for (;;) {
    const batch = reader.read(1 << 16);
    if (batch.length === 0) break;
    events.push(...batch.map(({ event }) => event));
  }
  reader.close();
  return events;
}

test('CRC-32C of the check strings of RFC 3720', () => {
  const of = (...bytes: number[]): number =>
    crc32c(new DataView(Uint8Array.from(bytes).buffer), 0, bytes.length);
  const rising = Array.from({ length: 32 }, (_, byte) => byte);
  expect(of(...Buffer.from('123456789'))).toBe(0xe3069283);
  expect(of(...rising.map(() => 0))).toBe(0x8a9136aa);
  expect(of(...rising.map(() => 255))).toBe(0x62a8ab43);
  expect(of(...rising)).toBe(0x46dd794e);
  expect(of(...rising.toReversed())).toBe(0x113fdb5c);
});

test('the checksum of two pieces is that of the whole', () => {
  const of = (bytes: Uint8Array): number => crc32c(new DataView(bytes.slice().buffer), 0, bytes.length);
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), fc.nat(300), (bytes, at) => {
      const [first, second] = [bytes.subarray(0, at), bytes.subarray(at)];
      expect(crc32cJoined(of(first), of(second), second.length)).toBe(of(bytes));
    }),
    { seed: 5, numRuns: 500 },
  );
  const long = new Uint8Array(10_000_001).fill(7);
  expect(crc32cJoined(of(long.subarray(0, 5)), of(long.subarray(5)), 9_999_996)).toBe(of(long));
});

test('rows that were packed elsewhere stand in the file as if they had been written here', () => {
  const source = ids();
  const event = fc
    .record({
      values: fc.array(fc.double(), { maxLength: 40 }),
      answers: fc.array(fc.double(), { maxLength: 40 }),
      texts: fc.array(fc.string({ unit: 'binary' }), { maxLength: 3 }),
      answerTexts: fc.array(fc.string({ unit: 'binary' }), { maxLength: 3 }),
      key: fc.option(fc.string({ unit: 'binary' })),
      packed: fc.boolean(),
    })
    .map(({ values, answers, packed, ...rest }) => {
      const rows = { values: Float64Array.from(values), answers: Float64Array.from(answers) };
      return { packed, event: prediction(source.next(1000), { ...rest, ...rows }) };
    });
  fc.assert(
    fc.property(fc.array(event, { minLength: 1, maxLength: 6 }), (given) => {
      const [whole, pieces] = [new RecordWriter(64), new RecordWriter(64)];
      for (const { event, packed } of given) {
        whole.prediction(event, 3);
        pieces.prediction(event, 3, packed ? packRows(event) : null);
      }
      expect(pieces.length).toBe(whole.length);
      expect(Buffer.concat(pieces.pieces()).equals(Buffer.concat(whole.pieces()))).toBe(true);
    }),
    { seed: 6, numRuns: 200 },
  );
});

describe('ids', () => {
  test('rise strictly whatever the clock does, and name their incarnation', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: -3_600_000, max: 3_600_000 }), { minLength: 2, maxLength: 200 }),
        fc.integer({ min: 0, max: 2 ** 32 - 1 }),
        (steps, incarnation) => {
          const source = new IdSource(incarnation, 1e12, Math.random);
          let before = source.next(1e12);
          for (const step of steps) {
            const id = source.next(1.7e12 + step);
            expect(compareIds(before, id)).toBeLessThan(0);
            expect(idIncarnation(id)).toBe(incarnation);
            before = id;
          }
        },
      ),
      { seed: 3, numRuns: 50 },
    );
  });

  test('more than a sequence within one millisecond', () => {
    const source = ids();
    const made = Array.from({ length: 10_000 }, () => idText(source.next(1e12)));
    expect(new Set(made).size).toBe(10_000);
    expect([...made].sort()).toEqual(made);
  });

  test('text form and back', () => {
    const id = new IdSource(77, 0, () => 0.123).next(1_700_000_000_123);
    expect(parseId(idText(id))).toEqual({ id, row: 0 });
    expect(parseId(`${idText(id)}.12`)).toEqual({ id, row: 12 });
    expect(idTime(id)).toBe(1_700_000_000_123);
    for (const bad of ['', 'x', `${idText(id)}.`, `${idText(id)}.-1`, idText(id).slice(1), '__proto__']) {
      expect(parseId(bad)).toBeNull();
    }
  });
});

const text = fc.string({ unit: 'binary', maxLength: 20 });
const numbers = (length: number) =>
  fc.array(fc.double(), { minLength: length, maxLength: length }).map((values) => Float64Array.from(values));
const anyPrediction = fc
  .record({
    rows: fc.integer({ min: 1, max: 4 }),
    width: fc.integer({ min: 1, max: 3 }),
    shadow: fc.boolean(),
    failure: fc.option(text),
  })
  .chain(({ rows, width, shadow, failure }) =>
    fc.record({
      version: fc.integer({ min: 1, max: 3 }),
      update: fc.integer({ min: 0, max: 2 ** 32 - 1 }),
      role: fc.constant(shadow ? ('shadow' as const) : ('live' as const)),
      rollout: fc.option(text),
      subject: fc.option(text),
      key: fc.option(text),
      trace: fc.option(
        fc.uint8Array({ minLength: 16, maxLength: 16 }).map((id) => Buffer.from(id).toString('hex')),
      ),
      at: fc.double({ noNaN: true }),
      rows: fc.constant(rows),
      features: fc.constant(shadow ? [] : features),
      values: numbers(shadow ? 0 : rows * 2),
      texts: fc.array(text, { maxLength: 3 }),
      failure: fc.constant(shadow ? failure : null),
      answers: numbers(shadow && failure !== null ? 0 : rows * width),
      answerTexts: fc.array(text, { maxLength: 3 }),
    }),
  );
const anyLabel = fc.record({
  model: fc.option(text),
  key: fc.option(text),
  label: fc.oneof(text, fc.double({ noNaN: true })),
  at: fc.double({ noNaN: true }),
  row: fc.option(fc.integer({ min: 0, max: 1000 })),
});
const anyEvents = fc.array(fc.oneof(anyPrediction, anyLabel), { minLength: 1, maxLength: 40 });

function made(source: IdSource, one: object): JournalEvent {
  const id = source.next(1e12);
  if ('answers' in one) return prediction(id, one as Partial<PredictionEvent>);
  const { row, ...label } = one as Omit<LabelEvent, 'prediction'> & { row: number | null };
  return { ...label, type: 'label', id, prediction: row === null ? null : { id: source.next(1e12), row } };
}

function append(appender: Appender, event: JournalEvent): void {
  if (event.type === 'prediction') appender.prediction(event);
  else appender.label(event);
}

describe('what is written is read', () => {
  test('any events, over any number of segments and turns', () => {
    fc.assert(
      fc.property(anyEvents, fc.integer({ min: 200, max: 5000 }), (given, maxSegmentBytes) => {
        rmSync(folder, { recursive: true, force: true });
        const source = ids();
        const appender = open({ maxSegmentBytes });
        const events = given.map((one) => made(source, one));
        for (const [i, event] of events.entries()) {
          append(appender, event);
          if (i % 3 === 0) appender.commit();
        }
        appender.close();
        expect(readAll()).toEqual(events);
      }),
      { seed: 4, numRuns: 100 },
    );
  });

  test('while it grows, each event once, from any cursor', () => {
    const source = ids();
    const appender = open({ maxSegmentBytes: 2000 });
    const seen: string[] = [];
    const all: string[] = [];
    let reader = new Reader(folder, {});
    for (let i = 0; i < 300; i++) {
      const event = prediction(source.next(i));
      all.push(idText(event.id));
      appender.prediction(event);
      appender.commit();
      if (i % 7 === 0) for (const { event: read } of reader.readOne(1, 1 << 20)) seen.push(idText(read.id));
      if (i % 50 === 0) {
        // A new process goes on where the old one's cursor was.
        const cursor = JSON.parse(JSON.stringify(reader.cursor()));
        reader.close();
        reader = new Reader(folder, cursor);
      }
    }
    for (const { event: read } of reader.read(1 << 20)) seen.push(idText(read.id));
    reader.close();
    expect(seen).toEqual(all);
  });
});

test('a reader beside the writer misses nothing where segments end', async () => {
  // Another thread, as another process would: each commit fills a segment, so that most reads meet an end.
  const events = 3000;
  const writer = new Worker(
    `const { workerData } = require('node:worker_threads');
     (async () => {
       const { Appender } = await import(workerData.appender);
       const { IdSource } = await import(workerData.id);
       const source = new IdSource(1, 0, Math.random);
       const appender = new Appender({ ...workerData.options, now: Date.now });
       for (let i = 0; i < workerData.events; i++) {
         appender.label({ type: 'label', id: source.next(i), model: 'm', prediction: null, key: 'k', label: i, at: i });
         appender.commit();
       }
       appender.close();
     })();`,
    {
      eval: true,
      workerData: {
        appender: new URL('../../src/journal/appender.ts', import.meta.url).href,
        id: new URL('../../src/journal/id.ts', import.meta.url).href,
        options: { folder, incarnation: 1, maxSegmentBytes: 200, maxSegmentAgeMs: 1e15, syncPeriodMs: 1e6 },
        events,
      },
    },
  );
  const ended = new Promise<void>((resolve, reject) => {
    writer.once('error', reject);
    writer.once('exit', () => resolve());
  });
  let going = true;
  void ended.finally(() => {
    going = false;
  });
  const damage: Damage[] = [];
  const reader = new Reader(folder, {}, (one) => damage.push(one));
  const seen: number[] = [];
  for (let last = false; ; ) {
    const batch = reader.read(1 << 20);
    for (const { event } of batch) seen.push(event.at);
    if (batch.length === 0) {
      if (last) break;
      last = !going;
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
  await ended;
  reader.close();
  expect(seen).toEqual(Array.from({ length: events }, (_, i) => i));
  expect(damage).toEqual([]);
});

describe('a record whose rows are written ahead of it', () => {
  const large = (id: Uint8Array, at: number, changes: Partial<PredictionEvent> = {}) =>
    prediction(id, {
      at,
      rows: 500,
      values: Float64Array.from({ length: 1000 }, (_, i) => i / 7),
      answers: Float64Array.from({ length: 500 }, (_, i) => i / 3),
      texts: ['naïve', ''],
      key: 'k'.repeat(512),
      ...changes,
    });
  /** As the side thread does it, which knows neither id nor time. */
  const writeAhead = (appender: Appender, event: PredictionEvent) => {
    const file = appender.rowsFile({ ...event, answers: new Float64Array(0) });
    const packed = packRows(event);
    expect(writeRows(packed.bytes!, file)).toBe(true);
    return { packed: { ...packed, bytes: null }, file };
  };

  test('is the first of a segment, in its place among the others, and found by its id', () => {
    const shape = fc.array(fc.constantFrom('large', 'small', 'label', 'commit'), {
      minLength: 1,
      maxLength: 30,
    });
    fc.assert(
      fc.property(shape, fc.constantFrom(2000, 1 << 20), (given, maxSegmentBytes) => {
        rmSync(folder, { recursive: true, force: true });
        const source = ids();
        const appender = open({ maxSegmentBytes });
        const beside = new Reader(folder, {});
        const [kept, seen]: JournalEvent[][] = [[], []];
        const look = () => seen!.push(...beside.read(1 << 20).map(({ event }) => event));
        for (const [at, what] of given.entries()) {
          if (what === 'large') {
            const ahead = large(source.next(at), at);
            const { packed, file } = writeAhead(appender, ahead);
            look();
            appender.commit();
            const event = { ...ahead, id: source.next(at) };
            appender.adopt(event, packed, file);
            kept!.push(event);
            const { segment, offset } = appender.commit();
            expect(fs.statSync(segmentFile(folder, { incarnation: 1, segment })).size).toBeGreaterThanOrEqual(
              offset,
            );
          } else if (what === 'small') {
            const event = prediction(source.next(at), { at });
            appender.prediction(event);
            kept!.push(event);
          } else if (what === 'label') {
            const event: LabelEvent = {
              type: 'label',
              id: source.next(at),
              model: 'm',
              prediction: null,
              key: 'k',
              label: 1,
              at,
            };
            appender.label(event);
            kept!.push(event);
          } else appender.commit();
          look();
        }
        appender.close();
        recover(folder);
        expect(readAll(() => expect.unreachable())).toEqual(kept);
        look();
        look();
        expect(seen).toEqual(kept);
        beside.close();
        const finder = new Finder(folder);
        for (const event of kept!)
          if (event.type === 'prediction') expect(finder.find(event.id)?.live).toEqual(event);
        expect(fs.readdirSync(folder).filter((name) => name.endsWith('.rows'))).toEqual([]);
      }),
      { seed: 9, numRuns: 60 },
    );
  });

  test('costs its own caller an error where the disk fails, and nobody else anything', () => {
    const source = ids();
    const { openSync, writeSync, renameSync } = fs;
    for (const [failing, working] of Object.entries({ openSync, writeSync, renameSync })) {
      rmSync(folder, { recursive: true, force: true });
      let fails = false;
      const files = {
        ...fs,
        [failing]: (...given: never[]) => {
          if (fails) throw Object.assign(new Error('ENOSPC'), { code: 'ENOSPC' });
          return (working as (...given: never[]) => unknown)(...given);
        },
      } as AppenderOptions['files'];
      const appender = open({ files: files! });
      appender.prediction(prediction(source.next(1), { at: 1 }));
      appender.commit();
      const event = large(source.next(2), 2);
      const { packed, file } = writeAhead(appender, event);
      fails = true;
      appender.adopt(event, packed, file);
      expect(() => appender.commit()).toThrow(expect.objectContaining({ code: 'JOURNAL_WRITE_FAILED' }));
      fails = false;
      appender.prediction(prediction(source.next(3), { at: 3 }));
      appender.close();
      expect(readAll(() => expect.unreachable()).map(({ at }) => at)).toEqual([1, 3]);
      expect(fs.readdirSync(folder).filter((name) => name.endsWith('.rows'))).toEqual([]);
    }
  });

  test('is no record while it lacks its head, and is swept up when its lane has died', () => {
    const source = ids();
    const appender = open();
    appender.prediction(prediction(source.next(1), { at: 1 }));
    appender.commit();
    const policy = { maxAgeMs: 1e15, maxBytes: 1e12 };
    const hour = 3_600_000;
    for (const sweep of [
      () => recover(folder),
      () => retain(folder, policy, [{}], Date.now() + hour + 1000),
    ]) {
      writeAhead(appender, large(source.next(2), 2));
      expect(readAll(() => expect.unreachable()).map(({ at }) => at)).toEqual([1]);
      retain(folder, policy, [{}], Date.now());
      expect(fs.readdirSync(folder)).toHaveLength(2);
      sweep();
      expect(fs.readdirSync(folder)).toEqual(['1-1.seg']);
    }
    appender.close();
  });
});

describe('damage', () => {
  test('any cut of the tail leaves exactly the whole records, and recovery cuts the rest', () => {
    const source = ids();
    const appender = open();
    const ends: number[] = [];
    for (let i = 0; i < 5; i++) {
      appender.prediction(prediction(source.next(i)));
      ends.push(appender.commit().offset);
    }
    const file = segmentFile(folder, { incarnation: 1, segment: 1 });
    const whole = readFileSync(file);
    for (let cut = 0; cut <= whole.length; cut++) {
      writeFileSync(file, whole.subarray(0, cut));
      const expected = ends.filter((end) => end <= cut).length;
      expect(readAll()).toHaveLength(expected);
      recover(folder);
      expect(readAll()).toHaveLength(expected);
      if (expected > 0) expect(readFileSync(file).length).toBe(ends[expected - 1]);
    }
  });

  test('a flipped bit is never read as a good event, is reported, and hides no other', () => {
    const source = ids();
    const appender = open();
    const starts: number[] = [];
    for (let i = 0; i < 6; i++) {
      starts.push(appender.commit().offset);
      appender.prediction(prediction(source.next(i), { at: i }));
    }
    appender.close();
    const file = segmentFile(folder, { incarnation: 1, segment: 1 });
    const whole = readFileSync(file);
    fc.assert(
      fc.property(
        fc.integer({ min: starts[2]!, max: starts[3]! - 1 }),
        fc.integer({ min: 0, max: 7 }),
        (at, bit) => {
          const flipped = Buffer.from(whole);
          flipped[at]! ^= 1 << bit;
          writeFileSync(file, flipped);
          const damage: Damage[] = [];
          const times = readAll((one) => damage.push(one)).map((event) => event.at);
          expect(times).toEqual([0, 1, 3, 4, 5]);
          expect(damage).toEqual([
            { incarnation: 1, segment: 1, offset: starts[2], bytes: starts[3]! - starts[2]! },
          ]);
        },
      ),
      { seed: 5, numRuns: 200 },
    );
  });

  test('recovery cuts a tail of garbage, and nothing that has good records behind it', () => {
    const source = ids();
    const appender = open();
    const starts: number[] = [];
    for (let i = 0; i < 4; i++) {
      starts.push(appender.commit().offset);
      appender.prediction(prediction(source.next(i), { at: i }));
    }
    const { offset } = appender.commit();
    const file = segmentFile(folder, { incarnation: 1, segment: 1 });
    const whole = readFileSync(file);
    // Loss of power leaves zeros where a page never reached the disk, or what stood there before.
    for (const tail of [
      Buffer.alloc(5000),
      Buffer.alloc(5000, 0xff),
      Buffer.from([3, 0, 0, 0, 9, 9, 9, 9, 3, 1]),
    ]) {
      writeFileSync(file, Buffer.concat([whole, tail]));
      expect(recover(folder)).toBe(tail.length);
      expect(readFileSync(file)).toEqual(whole);
    }
    // A record whose damaged length points behind the end of the file looks like a tail, and is none.
    const damaged = Buffer.from(whole);
    damaged.writeUInt32LE(1_000_000, starts[2]!);
    writeFileSync(file, damaged);
    expect(recover(folder)).toBe(0);
    const damage: Damage[] = [];
    expect(readAll((one) => damage.push(one)).map((event) => event.at)).toEqual([0, 1, 3]);
    expect(damage).toHaveLength(1);
    // Both at once.
    writeFileSync(file, Buffer.concat([damaged, Buffer.alloc(77)]));
    expect(recover(folder)).toBe(77);
    expect(readFileSync(file).length).toBe(offset);
  });

  test('megabytes of garbage between records are passed over, by readers and by find', () => {
    const source = ids();
    const appender = open();
    const all: Uint8Array[] = [];
    for (let i = 0; i < 3; i++) {
      all.push(source.next(i));
      appender.prediction(prediction(all[i]!, { at: i }));
      appender.commit();
    }
    const file = segmentFile(folder, { incarnation: 1, segment: 1 });
    const { offset } = appender.commit();
    const size = offset;
    appender.prediction(prediction(source.next(3), { at: 3 }));
    all.push(source.next(4));
    appender.prediction(prediction(all[3]!, { at: 4 }));
    appender.close();
    const whole = readFileSync(file);
    // Small numbers everywhere, so that lengths of up to a megabyte are read wherever one looks.
    const garbage = Buffer.from(
      Uint8Array.from({ length: 3 << 20 }, (_, i) => (i % 4 === 2 ? (i >> 2) % 16 : i % 4 === 3 ? 0 : i % 7)),
    );
    // Without its footer, so that finding has to look through it.
    writeFileSync(file, Buffer.concat([whole.subarray(0, size), garbage, whole.subarray(size, -1)]));
    const damage: Damage[] = [];
    expect(readAll((one) => damage.push(one)).map((event) => event.at)).toEqual([0, 1, 2, 3, 4]);
    expect(damage).toEqual([{ incarnation: 1, segment: 1, offset: size, bytes: garbage.length }]);
    const finder = new Finder(folder);
    expect(all.map((id) => finder.find(id)?.live.at)).toEqual([0, 1, 2, 4]);
  });

  test('a torn tail of a dead segment does not hold up the next one', () => {
    const source = ids();
    const appender = open();
    appender.prediction(prediction(source.next(1)));
    appender.commit();
    const file = segmentFile(folder, { incarnation: 1, segment: 1 });
    appendFileSync(file, Buffer.from([200, 0, 0, 0, 1, 2, 3]));
    const next = open();
    // As after an abandoned segment: the same incarnation goes on in another file.
    rmSync(segmentFile(folder, { incarnation: 1, segment: 2 }), { force: true });
    fs.copyFileSync(file, segmentFile(folder, { incarnation: 1, segment: 2 }));
    truncateSync(segmentFile(folder, { incarnation: 1, segment: 2 }), 0);
    next.close();
    expect(readAll()).toHaveLength(1);
  });
});

describe('a disk that fails', () => {
  test('nothing half is left, and the appender works again when there is room', () => {
    const source = ids();
    let failing = false;
    const files: AppenderOptions['files'] = {
      ...fs,
      writeSync: ((file: number, bytes: Uint8Array, from: number, length: number, at: number) => {
        if (!failing) return fs.writeSync(file, bytes, from, length, at);
        // Some bytes get through before the disk is full.
        if (length > 10) return fs.writeSync(file, bytes, from, 10, at);
        throw Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' });
      }) as typeof fs.writeSync,
    };
    const appender = open({ files });
    const kept: number[] = [];
    for (let i = 0; i < 20; i++) {
      failing = i % 4 >= 2;
      appender.prediction(prediction(source.next(i), { at: i, version: i }));
      if (failing)
        expect(() => appender.commit()).toThrow(expect.objectContaining({ code: 'JOURNAL_WRITE_FAILED' }));
      else {
        appender.commit();
        kept.push(i);
      }
    }
    failing = false;
    appender.close();
    expect(readAll().map((event) => event.at)).toEqual(kept);
  });

  test('where no segment can be made, or no byte of it written, nothing is left behind, turn after turn', () => {
    const source = ids();
    let failing: 'open' | 'write' | null = 'open';
    const fail = (what: 'open' | 'write') => {
      if (failing === what) throw Object.assign(new Error(`EMFILE or ENOSPC: ${what}`), { code: 'ENOSPC' });
    };
    const files: AppenderOptions['files'] = {
      ...fs,
      openSync: ((...given: Parameters<typeof fs.openSync>) => {
        fail('open');
        return fs.openSync(...given);
      }) as typeof fs.openSync,
      writeSync: ((...given: Parameters<typeof fs.writeSync>) => {
        fail('write');
        return fs.writeSync(...given);
      }) as typeof fs.writeSync,
    };
    const appender = open({ files });
    const refused = expect.objectContaining({ code: 'JOURNAL_WRITE_FAILED' });
    // The file can be opened again within the turn that began without one: that turn is lost whole.
    appender.prediction(prediction(source.next(1), { at: 1 }));
    failing = null;
    appender.prediction(prediction(source.next(2), { at: 2 }));
    expect(() => appender.commit()).toThrow(refused);
    failing = 'write';
    for (let i = 0; i < 100; i++) {
      appender.prediction(prediction(source.next(3), { at: 3 }));
      expect(() => appender.commit()).toThrow(refused);
    }
    expect(listSegments(folder)).toEqual([{ incarnation: 1, segment: 1 }]);
    failing = null;
    for (const at of [4, 5]) appender.prediction(prediction(source.next(at), { at }));
    appender.close();
    expect(readAll().map((event) => event.at)).toEqual([4, 5]);
  });
});

/** The clock is set back and forth by an hour while lanes write: ids, segments, finding and retention stand it. */
test('a clock that steps an hour back and forth', () => {
  const start = 1.7e12;
  let now = start;
  const random = seeded(8);
  const source = new IdSource(1, now, random);
  const appender = open({ maxSegmentBytes: 2000, maxSegmentAgeMs: 30_000, now: () => now });
  const all: Uint8Array[] = [];
  for (let i = 0; i < 400; i++) {
    now += 100 + (i % 50 === 20 ? 3_600_000 : i % 50 === 40 ? -3_600_000 : 0);
    const id = source.next(now);
    all.push(id);
    // The clock moves between an id and its record, too.
    now += i % 3 === 0 ? 5 : 0;
    appender.prediction(prediction(id, { at: i }));
    appender.commit();
  }
  appender.close();
  expect(readAll().map((event) => event.at)).toEqual(all.map((_, i) => i));
  const finder = new Finder(folder);
  expect(all.map((id) => finder.find(id)?.live.at)).toEqual(all.map((_, i) => i));
  const { deleted, oldest } = retain(folder, { maxAgeMs: 1e15, maxBytes: 20_000 }, [{}], Date.now());
  expect(deleted.length).toBeGreaterThan(0);
  // No id that is left is called past retention, and those that are called so are gone.
  const left = new Set(readAll().map((event) => event.at));
  for (const [i, id] of all.entries()) if (left.has(i)) expect(idTime(id)).toBeGreaterThanOrEqual(oldest);
});

describe('find', () => {
  test('looks past segments that hold labels alone, and reads sealed ones by their footers', () => {
    const source = ids();
    const appender = open({ maxSegmentBytes: 1500 });
    const all: Uint8Array[] = [];
    for (let part = 0; part < 12; part++) {
      for (let i = 0; i < 40; i++) {
        const id = source.next(1e12 + part);
        if (part % 3 === 0) {
          all.push(id);
          appender.prediction(prediction(id, { at: all.length }));
        } else {
          appender.label({ type: 'label', id, model: 'm', prediction: null, key: 'k', label: 1, at: 1 });
        }
        appender.commit();
      }
    }
    appender.close();
    const times = () => {
      const finder = new Finder(folder);
      return all.map((id) => finder.find(id)?.live.at);
    };
    const wanted = all.map((_, i) => i + 1);
    expect(times()).toEqual(wanted);
    // The same by looking through them, as when their writer died.
    for (const name of listSegments(folder)) {
      const file = segmentFile(folder, name);
      writeFileSync(file, readFileSync(file).subarray(0, -1));
    }
    expect(times()).toEqual(wanted);
  });

  test('finds every prediction with its shadows, and nothing else', () => {
    const source = ids();
    const other = ids(2);
    const appender = open({ maxSegmentBytes: 60_000 });
    const finder = new Finder(folder);
    const all: Uint8Array[] = [];
    for (let i = 0; i < 2000; i++) {
      const id = source.next(1e12 + i / 10);
      all.push(id);
      appender.prediction(prediction(id, { at: i, key: `k${i}` }));
      if (i > 3) {
        const role = 'shadow' as const;
        const answers = Float64Array.of(i - 3);
        appender.prediction(
          prediction(all[i - 3]!, { role, version: 2, features: [], values: new Float64Array(0), answers }),
        );
      }
      if (i % 5 === 0) appender.commit();
      // Also while the segment is being written.
      if (i % 400 === 399) expect(finder.find(all[i - 5]!)?.live.at).toBe(i - 5);
    }
    appender.close();
    expect(listSegments(folder).length).toBeGreaterThan(3);
    for (let i = 0; i < 1990; i += 7) {
      const found = finder.find(all[i]!);
      expect(found?.live).toMatchObject({ at: i, key: `k${i}` });
      // The shadow may stand in the next segment; within one it is always found.
      for (const shadow of found!.shadows)
        expect(shadow).toMatchObject({ version: 2, answers: Float64Array.of(i) });
    }
    expect(finder.find(source.next(1e12))).toBeNull();
    expect(finder.find(other.next(1e12))).toBeNull();
  });
});

describe('retention', () => {
  const write = (segments: number): void => {
    const source = ids();
    const appender = open({ maxSegmentBytes: 1000 });
    while (listSegments(folder).length < segments) {
      appender.prediction(prediction(source.next(1)));
      appender.commit();
    }
    appender.close();
  };
  const far = Date.now() + 1e9;

  test('old segments go when every loop has read them', () => {
    write(4);
    const cursor = { 1: { segment: 3, offset: 0 } };
    const { deleted, unread } = retain(folder, { maxAgeMs: 1000, maxBytes: 1e12 }, [cursor], far);
    expect(deleted.map(({ segment }) => segment)).toEqual([1, 2]);
    expect(unread).toBe(0);
  });

  test('says from when on ids are still there', () => {
    let now = 1e12;
    const source = new IdSource(1, 0, Math.random);
    const appender = open({ maxSegmentBytes: 500, now: () => now });
    while (listSegments(folder).length < 6) {
      now += 1000;
      appender.prediction(prediction(source.next(now)));
      appender.commit();
    }
    appender.close();
    const { oldest, deleted } = retain(folder, { maxAgeMs: 1e15, maxBytes: 2000 }, [{}], Date.now());
    expect(deleted.length).toBeGreaterThan(0);
    // Every id that is left is as young; the first one was issued just then.
    expect(Math.min(...readAll().map((event) => idTime(event.id)))).toBe(oldest);
  });

  test('the bound is kept even ahead of a cursor, and that is counted', () => {
    write(4);
    const { deleted, unread, bytes } = retain(folder, { maxAgeMs: 1e12, maxBytes: 2500 }, [{}], Date.now());
    expect(deleted.length).toBeGreaterThan(0);
    expect(unread).toBe(deleted.length);
    expect(bytes).toBeLessThanOrEqual(2500);
  });

  test('a reader goes on behind what is gone', () => {
    write(4);
    retain(folder, { maxAgeMs: 1e12, maxBytes: 2500 }, [{}], Date.now());
    expect(readAll().length).toBeGreaterThan(0);
  });
});
