import { expect, test } from 'vitest';
import { addLane, noLanes } from '../../src/control/lane-totals.ts';
import type { Arm } from '../../src/lane/arm.ts';
import { Meter } from '../../src/lane/meter.ts';

test('lanes that are gone add up, and what they were made of is not kept', () => {
  const total = noLanes();
  const arm = { model: 'electricity', version: { version: 7 } } as Arm;
  for (let lane = 1; lane <= 3; lane++) {
    const meter = new Meter();
    meter.labels = lane;
    meter.answered(arm, 2, 0.2, 0.1, lane);
    meter.error(arm, 'FEATURE_MISSING');
    meter.imputed('electricity', 5);
    const metrics = meter.read(lane, 100);
    addLane(total, metrics);
    metrics.models.get('electricity')!.requests = 1000;
  }
  expect(total).toMatchObject({ labels: 6, journalBytes: 300, residentBytes: 0 });
  const electricity = total.models.get('electricity')!;
  expect(electricity).toMatchObject({ requests: 3, rows: 6, imputed: 15, errors: { FEATURE_MISSING: 3 } });
  expect(electricity.versions).toEqual({
    7: expect.objectContaining({ requests: 3, rows: 6, failed: 3, last: 3 }),
  });
  expect(electricity.latency.reduce((sum, count) => sum + count, 0)).toBe(3);
  expect(electricity.latencySum).toBeCloseTo(0.0006, 12);
});
