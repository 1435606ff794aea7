import fc from 'fast-check';
import { expect, test } from 'vitest';
import { BatchQueue, formBatch, type Queued } from '../../src/lane/batch-queue.ts';
import { type Batching, naturalBatching } from '../../src/serving.ts';

const never = Number.POSITIVE_INFINITY;

function waiting(rows: number[], since = 0): Queued[] {
  return rows.map((one) => ({ rows: one, priority: 0, since, deadline: never }));
}

const request = fc.record({
  rows: fc.integer({ min: 1, max: 20 }),
  priority: fc.integer({ min: 0, max: 5 }),
  since: fc.integer({ min: 0, max: 100 }),
  deadline: fc.oneof(fc.constant(never), fc.integer({ min: 0, max: 200 })),
});

const batching: fc.Arbitrary<Batching> = fc
  .record({
    maxSize: fc.integer({ min: 1, max: 40 }),
    preferred: fc.uniqueArray(fc.integer({ min: 1, max: 40 }), { maxLength: 4 }),
    maxDelayMs: fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 50 })),
    priorityLevels: fc.integer({ min: 1, max: 4 }),
  })
  .map(({ preferred, maxSize, maxDelayMs, priorityLevels }) => ({
    maxSize,
    preferredSizes: preferred.filter((size) => size <= maxSize).sort((a, b) => a - b),
    maxDelayMs,
    priorityLevels,
    defaultPriority: priorityLevels,
    queueTimeoutMs: null,
  }));

test('as Triton forms batches', () => {
  const rule = { ...naturalBatching, maxSize: 16, preferredSizes: [4, 8], maxDelayMs: 10 };
  // The largest preferred size that can be had goes at once; what is beyond it is left for the next.
  expect(formBatch(waiting([1, 1, 1, 1]), rule, 1)).toEqual({ count: 4, wait: 0 });
  expect(formBatch(waiting([4, 4, 1]), rule, 1)).toEqual({ count: 2, wait: 0 });
  expect(formBatch(waiting([3, 1, 3, 1, 1]), rule, 1)).toEqual({ count: 4, wait: 0 });
  // None: it waits for the rest of the delay, and then goes with all that fit.
  expect(formBatch(waiting([1, 1, 1]), rule, 4)).toEqual({ count: 0, wait: 6 });
  expect(formBatch(waiting([1, 1, 1]), rule, 10)).toEqual({ count: 3, wait: 0 });
  expect(formBatch(waiting([4, 4, 1]), rule, 10)).toEqual({ count: 3, wait: 0 });
  // One more would be beyond every preferred size.
  expect(formBatch(waiting([3, 3, 3]), rule, 1)).toEqual({ count: 2, wait: 0 });
  // A request that is larger than a batch may be goes alone.
  expect(formBatch(waiting([50, 1]), rule, 1)).toEqual({ count: 1, wait: 0 });
  expect(formBatch([], rule, 1)).toEqual({ count: 0, wait: never });
  // Without preferred sizes and delay: whatever waits, up to the largest size.
  expect(formBatch(waiting([1, 1, 1]), naturalBatching, 0)).toEqual({ count: 3, wait: 0 });
  expect(formBatch(waiting([40, 20, 10]), naturalBatching, 0)).toEqual({ count: 2, wait: 0 });
});

test('a batch is a beginning of what waits, fits, and comes in time', () => {
  fc.assert(
    fc.property(fc.array(request, { maxLength: 30 }), batching, fc.nat(150), (requests, rule, now) => {
      const { count, wait } = formBatch(requests, rule, now);
      const rows = (first: number) => requests.slice(0, first).reduce((sum, one) => sum + one.rows, 0);
      if (count > 1) expect(rows(count)).toBeLessThanOrEqual(rule.maxSize);
      if (requests.length > 0) expect(count > 0 || (wait > 0 && wait <= rule.maxDelayMs)).toBe(true);
      if (count === 0 && requests.length > 0) {
        const oldest = Math.min(now, ...requests.map(({ since }) => since));
        expect(now + wait).toBe(oldest + rule.maxDelayMs);
      }
    }),
  );
});

test('nobody is lost, doubled or overtaken by an equal, whatever the settings become', () => {
  const step = fc.oneof(
    fc.record({ do: fc.constant('add' as const), request }),
    fc.record({ do: fc.constant('take' as const), now: fc.nat(200) }),
    fc.record({ do: fc.constant('expire' as const), now: fc.nat(200) }),
    fc.record({ do: fc.constant('change' as const), batching }),
  );
  fc.assert(
    fc.property(batching, fc.array(step, { maxLength: 60 }), (first, steps) => {
      let rule = first;
      const queue = new BatchQueue<Queued & { number: number }>(rule);
      const inside = new Map<number, Queued & { number: number }>();
      const level = ({ priority }: Queued) =>
        priority >= 1 && priority <= rule.priorityLevels ? priority : rule.defaultPriority;
      let number = 0;
      for (const one of steps) {
        if (one.do === 'add') {
          const added = { ...one.request, number: number++ };
          inside.set(added.number, added);
          queue.add(added);
        } else if (one.do === 'change') {
          rule = one.batching;
          queue.batching = rule;
        } else if (one.do === 'expire') {
          const late = [...inside.values()].filter(({ deadline }) => one.now > deadline);
          const gone = queue.expired(one.now);
          expect(gone.map((each) => each.number).sort()).toEqual(late.map((each) => each.number).sort());
          for (const each of gone) inside.delete(each.number);
        } else {
          const { batch } = queue.take(one.now);
          for (const each of batch) expect(inside.delete(each.number)).toBe(true);
          // Nothing that is left goes before anything that was taken.
          for (const taken of batch)
            for (const left of inside.values()) expect(level(taken)).toBeLessThanOrEqual(level(left));
        }
        expect(queue.length).toBe(inside.size);
        for (const { deadline } of inside.values()) expect(queue.soonest).toBeLessThanOrEqual(deadline);
      }
    }),
  );
});

test('within a priority it is first come, first served; 1 goes first', () => {
  fc.assert(
    fc.property(fc.array(request, { maxLength: 40 }), batching, (requests, rule) => {
      const queue = new BatchQueue<Queued & { number: number }>({ ...rule, maxDelayMs: 0 });
      for (const [number, one] of requests.entries()) queue.add({ ...one, number });
      const order: (Queued & { number: number })[] = [];
      while (queue.length > 0) order.push(...queue.take(1000).batch);
      const level = ({ priority }: Queued) =>
        priority >= 1 && priority <= rule.priorityLevels ? priority : rule.defaultPriority;
      const sorted = [...order].sort((a, b) => level(a) - level(b) || a.number - b.number);
      expect(order).toEqual(sorted);
      expect(order).toHaveLength(requests.length);
    }),
  );
});
