import * as fs from 'node:fs';
import { appendFileSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { JournalEvent, LabelEvent, PredictionEvent } from '../../src/events.ts';
import { Appender, type AppenderOptions } from '../../src/journal/appender.ts';
import { crc32c } from '../../src/journal/crc32c.ts';
import { Finder } from '../../src/journal/find.ts';
import { compareIds, IdSource, idIncarnation, idText, idTime, parseId } from '../../src/journal/id.ts';
import { type Damage, Reader } from '../../src/journal/reader.ts';
import { recover } from '../../src/journal/recover.ts';
import { retain } from '../../src/journal/retain.ts';
import { listSegments, segmentFile } from '../../src/journal/segments.ts';

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
    at: 5,
    latency: 12.5,
    rows: 1,
    features,
    values: Float64Array.of(1, 2),
    texts: [],
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

test('CRC-32C of the check string of RFC 3720', () => {
  const bytes = Buffer.from('123456789');
  expect(crc32c(bytes, 0, bytes.length)).toBe(0xe3069283);
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
  })
  .chain(({ rows, width, shadow }) =>
    fc.record({
      version: fc.integer({ min: 1, max: 3 }),
      update: fc.integer({ min: 0, max: 2 ** 32 - 1 }),
      role: fc.constant(shadow ? ('shadow' as const) : ('live' as const)),
      rollout: fc.option(text),
      subject: fc.option(text),
      key: fc.option(text),
      at: fc.double({ noNaN: true }),
      rows: fc.constant(rows),
      features: fc.constant(shadow ? [] : features),
      values: numbers(shadow ? 0 : rows * 2),
      texts: fc.array(text, { maxLength: 3 }),
      answers: numbers(rows * width),
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
});

describe('find', () => {
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
