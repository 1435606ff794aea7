import { expect, test } from 'vitest';
import { addLane, noLanes } from '../../src/control/lane-totals.ts';
import type { Arm } from '../../src/lane/arm.ts';
import { Meter } from '../../src/lane/meter.ts';

test('lanes that are gone add up, and what they were made of is not kept', () => {
  const total = noLanes();
  const arm = { model: 'electricity', version: { version: 7 }, attached: {} } as Arm;
  for (let lane = 1; lane <= 3; lane++) {
    const meter = new Meter();
    meter.labels = lane;
    meter.answered(arm, 2, 0.2, 0.1, 0, lane);
    meter.error(arm, 'FEATURE_MISSING');
    meter.imputed('electricity', 5);
    const admission = { refused: 2, pressed: true, waited: 1, limit: 5 };
    const attachments = { attached: 2, bytes: 10, attaches: 3, evictions: 1, failures: 0 };
    const spans = lane === 1 ? null : { exported: 4, dropped: 1, failed: 2 };
    const metrics = meter.read(lane, lane, 100, admission, attachments, noLanes().turns, spans);
    addLane(total, metrics);
    metrics.models.get('electricity')!.requests = 1000;
  }
  expect(total).toMatchObject({ labels: 6, journalBytes: 300, residentBytes: 0 });
  expect(total.admission).toEqual({ refused: 6, pressed: false, waited: 0, limit: null });
  expect(total.spans).toEqual({ exported: 8, dropped: 2, failed: 4 });
  // What is attached in a lane that is gone is attached no more.
  expect(total.attachments).toEqual({ attached: 0, bytes: 0, attaches: 9, evictions: 3, failures: 0 });
  const electricity = total.models.get('electricity')!;
  expect(electricity).toMatchObject({ requests: 3, rows: 6, imputed: 15, errors: { FEATURE_MISSING: 3 } });
  expect(electricity.versions).toEqual({
    7: expect.objectContaining({ requests: 3, rows: 6, failed: 3, last: 3 }),
  });
  expect(electricity.latency.reduce((sum, count) => sum + count, 0)).toBe(3);
  expect(electricity.latencySum).toBeCloseTo(0.0006, 12);
});

test('requests to an upstream add up over lanes, and over models that are attached again', () => {
  const total = noLanes();
  const armOf = (answered: number) =>
    ({
      model: 'there',
      version: { version: 1 },
      attached: { upstream: { answered, failed: 1, abandoned: 1, retried: 1, opened: 0 } },
    }) as unknown as Arm;
  for (let lane = 1; lane <= 3; lane++) {
    const meter = new Meter();
    const first = armOf(10);
    meter.answered(first, 1, 1, 1, 0, lane);
    meter.shadowRows(first, 1);
    const again = armOf(5);
    meter.shadowFailed(again, 1);
    meter.error(again, 'UPSTREAM_FAILED');
    // It counts on, and what was added up already does not change with it.
    const { admission, attachments, turns } = noLanes();
    const metrics = meter.read(lane, lane, 0, admission, attachments, turns, null);
    addLane(total, metrics);
    again.attached.upstream!.answered = 1000;
  }
  expect(total.models.get('there')!.versions[1]!.upstream).toEqual({
    answered: 45,
    failed: 6,
    abandoned: 6,
    retried: 6,
    opened: 0,
  });
});
