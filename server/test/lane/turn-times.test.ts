import { setImmediate as nextTurn } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { TurnClock } from '../../src/lane/turn-times.ts';

const heldMs = 30;
const minuteMs = 60_000;

test('a turn that holds the event loop is seen, for a minute and a little longer', async () => {
  const clock = new TurnClock();
  expect(clock.read(performance.now())).toEqual({ p50: 0, p99: 0, max: 0 });
  clock.start();
  await nextTurn();
  await nextTurn();
  const began = performance.now();
  while (performance.now() - began < heldMs);
  await nextTurn();
  await nextTurn();
  const now = performance.now();
  const seen = clock.read(now);
  expect(seen.max).toBeGreaterThanOrEqual(heldMs / 1000);
  expect(seen.p99).toBeLessThanOrEqual(seen.max);
  // The window ends with this reading, and is still the figure while the next one is young.
  expect(clock.read(now + minuteMs).max).toBeGreaterThanOrEqual(heldMs / 1000);
  expect(clock.read(now + minuteMs + 1).max).toBeGreaterThanOrEqual(heldMs / 1000);
});
