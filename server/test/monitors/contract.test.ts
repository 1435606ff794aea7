import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { PredictionEvent } from '../../src/events.ts';
import { monitorKinds } from '../../src/monitors/kinds.ts';
import type { Finding, Monitor, MonitorContext } from '../../src/monitors/monitor.ts';
import { normal, seeded } from '../stats/seeded.ts';
import { context, day, event, frameOf, hour, minute, numbers } from './events.ts';

const features = numbers('a', 'b', 'still');
const names = features.map(({ name }) => name);
const windows = { leastRows: 100 };
const random = seeded(9);
const trained: MonitorContext = context(
  features,
  frameOf(Array.from({ length: 2000 }, () => [normal(random), random(), 7])),
  { windows },
);

/** Eighteen days with about fifty rows each, in which everything that can go wrong does, and mends again. */
function troubled(seed: number): PredictionEvent[] {
  const random = seeded(seed);
  const events: PredictionEvent[] = [];
  for (let at = 0; at < 18 * day; at += Math.floor(random() * 2 * 28 * minute)) {
    const bad = at > 5 * day && at < 9 * day;
    const row = () => [
      normal(random) + (bad ? 1.5 : 0),
      bad && random() < 0.3 ? Number.NaN : random() * (bad ? 1.3 : 1),
      at > 6 * day && random() < 0.5 ? 8 : 7,
    ];
    events.push(event(names, random() < 0.1 ? [row(), row()] : [row()], at));
  }
  return events;
}

/** The same events as another lane order brings them: each at most `delay` late. */
function interleaved(events: PredictionEvent[], seed: number, delay: number): PredictionEvent[] {
  const random = seeded(seed);
  return events
    .map((one) => ({ one, arrives: one.at + random() * delay }))
    .sort((a, b) => a.arrives - b.arrives)
    .map(({ one }) => one);
}

function foldAll(monitor: Monitor, events: PredictionEvent[]): Finding[] {
  return events.flatMap((one) => monitor.fold(one));
}

/** By id, what was said last: all but the counts, which are those of the moment. */
function standing(findings: Finding[]) {
  const last = new Map(findings.map((finding) => [finding.id, finding]));
  return [...last.values()]
    .sort((a, b) => (a.id < b.id ? -1 : 1))
    .map(({ id, level, since, at, row, cleared }) => ({ id, level, since, at, row, cleared }));
}

const text = (monitor: Monitor) => new TextDecoder().decode(monitor.save());

describe.each(monitorKinds.map((kind) => ({ name: kind.name, kind })))('$name', ({ kind }) => {
  const create = (more: Partial<MonitorContext> = {}) => kind.create({ ...trained, ...more })!;

  test('says what it is, and has nothing to watch without a baseline', () => {
    expect(kind.explanation.length).toBeGreaterThan(100);
    expect(kind.create({ ...trained, baseline: null })).toBeNull();
    const other = { ...trained.baseline!, features: [] };
    expect(kind.create({ ...trained, baseline: other })).toBeNull();
  });

  test('finds trouble, says since when and what to do, and takes it back when it is over', () => {
    const findings = foldAll(create(), troubled(1));
    expect(findings.length).toBeGreaterThan(0);
    for (const finding of findings) {
      expect(finding.id.startsWith('m/1/')).toBe(true);
      expect(finding.monitor).toBe(kind.name);
      expect(names).toContain(finding.feature);
      expect(finding.message.length).toBeGreaterThan(20);
      expect(finding.hint.length).toBeGreaterThan(20);
      expect(finding.since).toBeGreaterThan(2 * day);
      expect(finding.at).toBeGreaterThanOrEqual(finding.since);
      expect(finding.row).toBeGreaterThan(0);
      for (const value of Object.values(finding.evidence)) {
        expect(typeof value === 'string' || Number.isFinite(value)).toBe(true);
      }
    }
    const last = standing(findings).filter(({ id }) => !id.endsWith('still'));
    expect(last.length).toBeGreaterThan(0);
    for (const { cleared } of last) expect(cleared).toBeGreaterThan(9 * day);
  });

  test('is the same for every interleaving of lanes within the allowed lateness', () => {
    fc.assert(
      fc.property(fc.nat(), fc.nat(), fc.integer({ min: 100, max: 600 }), (seed, order, length) => {
        const events = troubled(seed % 1000).slice(0, length);
        const one = create();
        const other = create();
        const said = standing(foldAll(one, events));
        const saidOther = standing(foldAll(other, interleaved(events, order, hour - minute)));
        expect(saidOther).toEqual(said);
        expect(text(other)).toBe(text(one));
        expect(JSON.stringify(other.view())).toBe(JSON.stringify(one.view()));
      }),
      { seed: 1, numRuns: 40 },
    );
  });

  test('goes on after a restore as if it had never stopped', () => {
    fc.assert(
      fc.property(fc.nat(), fc.nat(700), (seed, cut) => {
        const events = interleaved(troubled(seed % 1000), seed, hour);
        const whole = create();
        const before = whole.save();
        const said = foldAll(whole, events);
        const first = create();
        const saidFirst = foldAll(first, events.slice(0, cut));
        const second = create();
        second.restore(before);
        second.restore(first.save());
        expect(text(second)).toBe(text(first));
        expect([...saidFirst, ...foldAll(second, events.slice(cut))]).toEqual(said);
        expect(text(second)).toBe(text(whole));
        expect(JSON.stringify(second.view())).toBe(JSON.stringify(whole.view()));
      }),
      { seed: 2, numRuns: 20 },
    );
  });

  test('watches the live rows of its own version only', () => {
    const monitor = create();
    const before = text(monitor);
    const events = troubled(3);
    expect(
      foldAll(
        monitor,
        events.map((one) => ({ ...one, role: 'shadow' as const })),
      ),
    ).toEqual([]);
    expect(
      foldAll(
        monitor,
        events.map((one) => ({ ...one, version: 2 })),
      ),
    ).toEqual([]);
    expect(text(monitor)).toBe(before);
  });

  test('features that are not kept are not watched', () => {
    const events = troubled(4).map(({ rows, values, at }) =>
      event(
        ['b#hash'],
        Array.from({ length: rows }, (_, r) => [values[rows + r]! * 1e12]),
        at,
      ),
    );
    expect(foldAll(create(), events)).toEqual([]);
  });

  test('its state is bounded, for a million rows as well', () => {
    const monitor = create();
    const random = seeded(5);
    const values = Array.from({ length: 1000 }, () => [normal(random), random(), 7]);
    let largest = 0;
    for (let i = 0; i < 1000; i++) {
      monitor.fold(event(names, values, i * 6 * hour));
      largest = Math.max(largest, monitor.save().length);
    }
    expect(largest).toBeLessThan(40_000);
  });

  test('rows that come too late still count, in the window that is open', () => {
    const monitor = create();
    monitor.fold(event(names, [[0, 0.5, 7]], 100 * day));
    const said = foldAll(monitor, troubled(6));
    // All of it is in one window now: shifts are not told apart by time any more, but no row is lost.
    expect(JSON.stringify(monitor.view())).toContain('"missing":');
    for (const { since } of said) expect(since).toBeGreaterThanOrEqual(100 * day - hour);
  });
});
