import { expect, test } from 'vitest';
import { noLanes } from '../../src/control/lane-totals.ts';
import { RecentFailures } from '../../src/control/recent-failures.ts';
import type { ErrorCode } from '../../src/errors.ts';
import type { Arm } from '../../src/lane/arm.ts';
import { Meter } from '../../src/lane/meter.ts';
import type { LaneMetrics } from '../../src/messages.ts';

const arm = { model: 'm', version: { version: 1 }, attached: {} } as Arm;
const minute = 60_000;

/** A lane that counts, and what it would send now. */
function lane() {
  const meter = new Meter();
  const none = noLanes();
  return {
    answers: (times: number) => {
      for (let i = 0; i < times; i++) meter.answered(arm, 1, 1, 1, 0, 1);
    },
    fails: (times: number, code: ErrorCode) => {
      for (let i = 0; i < times; i++) meter.error(arm, code);
    },
    read: (): LaneMetrics => meter.read(1, 1, 0, none.admission, none.attachments, none.turns, null),
  };
}

test('what failed in the last ten minutes counts, of all lanes; what callers did wrong and what was refused does not', () => {
  const [one, two] = [lane(), lane()];
  const failures = new RecentFailures();
  const at = (now: number) => failures.of('m', [one.read(), two.read()], now);
  one.answers(5);
  one.fails(3, 'PREDICTION_FAILED');
  one.fails(20, 'FEATURE_MISSING');
  one.fails(20, 'OVERLOADED');
  two.fails(4, 'TIMEOUT');
  // Whoever looks first sees all there has been.
  expect(at(0)).toEqual({ requests: 12, failed: 7, code: 'TIMEOUT' });
  two.answers(100);
  expect(at(5 * minute)).toEqual({ requests: 112, failed: 7, code: 'TIMEOUT' });
  one.fails(2, 'PREDICTION_FAILED');
  expect(at(11 * minute)).toEqual({ requests: 102, failed: 2, code: 'PREDICTION_FAILED' });
  expect(at(16 * minute)).toEqual({ requests: 2, failed: 2, code: 'PREDICTION_FAILED' });
  expect(at(60 * minute)).toEqual({ requests: 0, failed: 0, code: null });
  expect(failures.of('other', [one.read()], 60 * minute)).toEqual({ requests: 0, failed: 0, code: null });
});
