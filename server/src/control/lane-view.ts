import type { LaneView } from '../api-processes.ts';
import type { LaneMetrics } from '../messages.ts';

/** The lanes that there are, each with what it takes on and refuses. */
export function laneViews(metrics: LaneMetrics[]): LaneView[] {
  return metrics
    .filter(({ lane }) => lane > 0)
    .map(laneView)
    .sort((a, b) => a.lane - b.lane);
}

function laneView({ lane, admission, turns, models }: LaneMetrics): LaneView {
  const of = [...models.values()];
  const failed = (code: string): number => of.reduce((sum, { errors }) => sum + (errors[code] ?? 0), 0);
  return {
    lane,
    pressed: admission.pressed,
    turnLimit: admission.limit,
    waitedMs: admission.waited * 1000,
    turnMs: { p50: turns.p50 * 1000, p99: turns.p99 * 1000, max: turns.max * 1000 },
    answered: of.reduce((sum, { requests }) => sum + requests, 0),
    refused: {
      unread: admission.refused,
      queue: failed('OVERLOADED'),
      late: failed('TIMEOUT'),
      gone: failed('CANCELLED'),
    },
  };
}
