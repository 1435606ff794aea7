import { setImmediate, setTimeout } from 'node:timers/promises';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Arm } from '../../src/lane/arm.ts';
import { Attachments } from '../../src/lane/attachments.ts';
import { newSeat, type Seat } from '../../src/lane/seat.ts';
import type { ServedModel, ServedVersion } from '../../src/snapshot.ts';

const seatOf = (name: string): Seat =>
  newSeat({ name } as ServedModel, { version: 1, kind: 'xgboost' } as ServedVersion);

/** Attaches when it is let; says of each arm whether its memory was given back. */
class Rig {
  readonly began: Seat[] = [];
  readonly closed = new Set<Seat>();
  readonly sizes = new Map<Seat, number>();
  broken = new Set<Seat>();
  attachMs = 0;
  readonly attachments: Attachments;

  constructor(budget: number) {
    this.attachments = new Attachments(
      {
        bytesOf: async (seat) => this.sizes.get(seat) ?? 1,
        attach: async (seat) => {
          this.began.push(seat);
          await (this.attachMs > 0 ? setTimeout(this.attachMs) : setImmediate());
          if (this.broken.has(seat)) throw new Error('its file is gone');
          this.closed.delete(seat);
          return { inFlight: 0, attached: { close: () => this.closed.add(seat) } } as unknown as Arm;
        },
      },
      budget,
    );
  }
}

test('whatever comes in whatever order: nothing is attached twice, memory stays in its bounds, none is lost', async () => {
  const step = fc.record({
    seat: fc.nat(7),
    what: fc.constantFrom('use', 'use', 'use', 'idle', 'drop', 'break', 'mend'),
  });
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.integer({ min: 1, max: 6 }), { minLength: 8, maxLength: 8 }),
      fc.array(step, { maxLength: 30 }),
      async (sizes, steps) => {
        const budget = 10;
        const rig = new Rig(budget);
        const { attachments } = rig;
        const seats = sizes.map((_, k) => seatOf(`m${k}`));
        for (const [k, seat] of seats.entries()) rig.sizes.set(seat, sizes[k]!);
        const waiting: Promise<unknown>[] = [];
        for (const { seat: k, what } of steps) {
          const seat = seats[k]!;
          if (what === 'break') rig.broken.add(seat);
          else if (what === 'mend') rig.broken.delete(seat);
          else if (what === 'drop') attachments.drop(seat);
          else if (!seat.gone && !attachments.use(seat)) {
            const attached = attachments.attach(seat, what === 'idle').then(
              () =>
                expect(
                  seat.arm !== null || what === 'idle' || seat.gone || attachments.counts.evictions > 0,
                ).toBe(true),
              (error) => expect(error.code).toBe('ATTACH_FAILED'),
            );
            waiting.push(attached);
          }
          if (k % 2 === 0) await setImmediate();
          expect(attachments.counts.bytes).toBeLessThanOrEqual(budget);
        }
        await Promise.all(waiting);
        const there = seats.filter(({ arm }) => arm);
        expect(attachments.counts.attached).toBe(there.length);
        expect(attachments.counts.bytes).toBe(there.reduce((sum, { bytes }) => sum + bytes, 0));
        for (const seat of there) expect([seat.gone, rig.closed.has(seat)]).toEqual([false, false]);
        const { attaches, evictions, failures } = attachments.counts;
        expect(attaches - evictions).toBeGreaterThanOrEqual(there.length);
        expect(rig.began.length).toBeGreaterThanOrEqual(attaches + failures);
      },
    ),
    { numRuns: 60 },
  );
});

test('all who wait for one are told at once, and it is attached once', async () => {
  const { attachments, began } = new Rig(10);
  const seat = seatOf('a');
  await Promise.all(Array.from({ length: 50 }, () => attachments.attach(seat)));
  expect(began).toEqual([seat]);
});

test('who is waited for goes before what is attached at leisure, and that makes nothing go', async () => {
  const { attachments, began } = new Rig(2);
  const [a, b, c, d] = ['a', 'b', 'c', 'd'].map(seatOf) as [Seat, Seat, Seat, Seat];
  const all = [attachments.attach(a, true), attachments.attach(b, true), attachments.attach(c, true)];
  all.push(attachments.attach(d));
  await Promise.all(all);
  expect(began).toEqual([a, d]);
  expect([a.arm, b.arm, c.arm, d.arm].map(Boolean)).toEqual([true, false, false, true]);
  // What was to come at leisure is hurried when somebody asks for it.
  const idle = [attachments.attach(b, true), attachments.attach(c, true)];
  const now = attachments.attach(c);
  await Promise.all([...idle, now]);
  expect(began.slice(2)).toEqual([c]);
});

test('the one that was used longest ago goes; a shadow with the version that it stands beside', async () => {
  const { attachments } = new Rig(3);
  const [live, shadow, other, next] = ['live', 'shadow', 'other', 'next'].map(seatOf) as [
    Seat,
    Seat,
    Seat,
    Seat,
  ];
  shadow.leader = live;
  for (const seat of [live, shadow, other]) await attachments.attach(seat);
  attachments.use(live);
  await attachments.attach(next);
  expect([live, shadow, other, next].map(({ arm }) => arm !== null)).toEqual([true, true, false, true]);
  await attachments.attach(other);
  expect([live, shadow, other, next].map(({ arm }) => arm !== null)).toEqual([false, false, true, true]);
});

test('one that is larger than all the memory is attached alone', async () => {
  const rig = new Rig(3);
  const [small, large] = [seatOf('small'), seatOf('large')];
  rig.sizes.set(large, 7);
  await rig.attachments.attach(small);
  await rig.attachments.attach(large);
  expect([small.arm, large.arm].map(Boolean)).toEqual([false, true]);
  await rig.attachments.attach(small);
  expect([small.arm, large.arm].map(Boolean)).toEqual([true, false]);
});

test('what it takes once on a busy machine keeps nobody out: the best time counts', async () => {
  const rig = new Rig(1);
  const { attachments } = rig;
  const [a, b] = [seatOf('a'), seatOf('b')];
  for (const seat of [a, b]) await attachments.attach(seat);
  rig.attachMs = 200;
  await attachments.attach(a);
  const rest = a.staysUntil - performance.now();
  expect(rest).toBeGreaterThan(0);
  expect(rest).toBeLessThan(1000);
  // One that always takes so long stays for ten times that.
  const slow = seatOf('slow');
  await attachments.attach(slow);
  expect(slow.staysUntil - performance.now()).toBeGreaterThan(1000);
});

test('what is gone while it is attached gives its memory back', async () => {
  const rig = new Rig(3);
  const seat = seatOf('a');
  const attached = rig.attachments.attach(seat);
  await setImmediate();
  rig.attachments.drop(seat);
  await attached;
  expect([seat.arm, rig.closed.has(seat), rig.attachments.counts.bytes]).toEqual([null, true, 0]);
});

test('whoever asks for one while it is looked whether there is room at leisure gets it', async () => {
  const { attachments } = new Rig(1);
  const [a, b] = ['a', 'b'].map(seatOf) as [Seat, Seat];
  await attachments.attach(a);
  // Before it is looked, and in each moment after.
  for (let turns = 0; turns < 8; turns++) {
    const [there, away] = a.arm ? [a, b] : [b, a];
    const idle = attachments.attach(away, true);
    for (let k = 0; k < turns; k++) await null;
    await attachments.attach(away);
    await idle;
    expect([there.arm, away.arm].map(Boolean)).toEqual([false, true]);
  }
});
