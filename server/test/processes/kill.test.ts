import { expect, test } from 'vitest';
import { killLanes } from './kill-lanes.ts';

test('20 SIGKILLs of lanes under load lose nothing that was answered and no acknowledged label', async () => {
  let state = 42;
  const random = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
  const report = await killLanes({ kills: 20, lanes: 2, clients: 8, random });
  expect(report.answered).toBeGreaterThan(100);
  expect(report).toMatchObject({ lostPredictions: 0, lostLabels: 0 });
  // A kill fails at most what the clients had in flight, one request each.
  expect(report.failed).toBeLessThanOrEqual(report.kills * report.clients);
});
