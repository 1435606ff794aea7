import fc from 'fast-check';
import { expect, test } from 'vitest';
import { nextStep, type Roomed, type Wanted } from '../../src/processes/scorer-room.ts';

/** Scorers in a world of steps: one is up a step after it was started, and gone a step after it was told to. */
interface Simulated extends Roomed {
  name: number;
}

const stays = 5;

function world(sizes: number[], most: number) {
  const all: Simulated[] = sizes.map((bytes, name) => ({
    name,
    state: 'asleep',
    bytes,
    used: 0,
    staysUntil: 0,
    wanted: null,
  }));
  const steps: string[] = [];
  const held = () => all.filter(({ state }) => state !== 'asleep').reduce((sum, { bytes }) => sum + bytes, 0);
  const want = (name: number, why: Wanted['for'], now: number): void => {
    const one = all[name]!;
    if (one.state === 'ready') one.used = now;
    else one.wanted ??= { for: why, since: now };
  };
  const advance = (now: number): void => {
    for (const one of all) {
      if (one.state === 'starting')
        Object.assign(one, { state: 'ready', wanted: null, used: now, staysUntil: now + stays });
      else if (one.state === 'ending') one.state = 'asleep';
    }
    for (;;) {
      const step = nextStep(all, { most, atOnce: 2 }, now);
      if (!step) return;
      if ('start' in step) {
        expect(step.start.state).toBe('asleep');
        Object.assign(step.start, { state: 'starting', staysUntil: Number.POSITIVE_INFINITY });
        steps.push(`start ${step.start.name}`);
      } else {
        expect(step.end.staysUntil).toBeLessThanOrEqual(now);
        Object.assign(step.end, { state: 'ending', wanted: null });
        steps.push(`end ${step.end.name}`);
      }
      const running = all.filter(({ state }) => state !== 'asleep').length;
      expect(held() <= most || running === 1).toBe(true);
    }
  };
  return { all, steps, want, advance };
}

test('however they are asked for, they stay within their memory, or run alone, and whoever is waited for comes up', () => {
  const asked = fc.record({
    name: fc.nat({ max: 7 }),
    why: fc.constantFrom<Wanted['for']>('leisure', 'shadow', 'caller', 'change'),
    after: fc.nat({ max: 4 }),
  });
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 1, max: 120 }), { minLength: 8, maxLength: 8 }),
      fc.array(asked, { maxLength: 60 }),
      (sizes, all) => {
        const simulated = world(sizes, 100);
        let now = 100_000;
        for (const { name, why, after } of all) {
          simulated.want(name, why, now);
          for (let i = 0; i < after; i++) simulated.advance(++now);
        }
        const waitedFor = () =>
          simulated.all.filter(({ wanted }) => wanted?.for === 'caller' || wanted?.for === 'change');
        for (let i = 0; i < 200 && waitedFor().length > 0; i++) simulated.advance(++now);
        expect(waitedFor()).toEqual([]);
      },
    ),
    { numRuns: 300 },
  );
});

test('what was used longest ago goes, and only for those that are waited for', () => {
  const { all, steps, want, advance } = world([40, 40, 40, 40], 100);
  for (const name of [0, 1]) want(name, 'leisure', 0);
  for (let now = 0; now < 20; now++) advance(now);
  want(0, 'caller', 20);
  // Nobody waits for these.
  want(2, 'leisure', 20);
  want(3, 'shadow', 20);
  for (let now = 20; now < 40; now++) advance(now);
  expect(steps).toEqual(['start 0', 'start 1']);
  all[2]!.wanted = { for: 'caller', since: 40 };
  for (let now = 40; now < 60; now++) advance(now);
  expect(steps).toEqual(['start 0', 'start 1', 'end 1', 'start 2']);
  // After a minute in which nobody has used the other, it makes room for a shadow, too.
  want(2, 'caller', 70_000);
  for (let now = 70_000; now < 70_010; now++) advance(now);
  expect(steps.slice(4)).toEqual(['end 0', 'start 3']);
});

test('a change is first, then who has waited longest', () => {
  const { all, steps, want, advance } = world([60, 60, 60, 60], 100);
  want(0, 'leisure', 0);
  want(1, 'caller', 1);
  want(2, 'caller', 2);
  want(3, 'change', 3);
  for (let now = 3; now < 40; now++) advance(now);
  expect(steps.filter((step) => step.startsWith('start'))).toEqual(['start 3', 'start 1', 'start 2']);
  expect(all[0]).toMatchObject({ state: 'asleep', wanted: { for: 'leisure' } });
});

test('those that have grown beyond it make room; one alone stays', () => {
  const { all, steps, want, advance } = world([40, 40], 100);
  for (const name of [0, 1]) want(name, 'caller', 0);
  for (let now = 0; now < 10; now++) advance(now);
  for (const one of all) one.bytes = 70;
  want(0, 'caller', 10);
  const step = nextStep(all, { most: 100, atOnce: 2 }, 10);
  expect(step).toEqual({ end: all[1] });
  all[1]!.state = 'asleep';
  all[0]!.bytes = 170;
  expect(nextStep(all, { most: 100, atOnce: 2 }, 20)).toBeNull();
  expect(steps).toEqual(['start 0', 'start 1']);
});
