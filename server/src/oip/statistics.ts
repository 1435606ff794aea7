import type { CacheCounts, LaneMetrics, VersionMetrics } from '../messages.ts';

/**
 * A version's statistics as Triton's extension gives them, summed over lanes. Times are ns.
 * https://github.com/triton-inference-server/server/blob/main/docs/protocol/extension_statistics.md
 */
export interface ModelStatistics {
  name: string;
  version: string;
  /** ms since the epoch. */
  last_inference: number;
  /** Rows that the model has answered. */
  inference_count: number;
  /** Calls of the model. */
  execution_count: number;
  inference_stats: Record<(typeof durations)[number], Duration>;
  /** By the rows of a call. */
  batch_stats: {
    batch_size: number;
    compute_input: Duration;
    compute_infer: Duration;
    compute_output: Duration;
  }[];
}

interface Duration {
  count: number;
  ns: number;
}

const durations = [
  'success',
  'fail',
  'queue',
  'compute_input',
  'compute_infer',
  'compute_output',
  'cache_hit',
  'cache_miss',
] as const;

export function modelStatistics(lanes: LaneMetrics[], model: string, version: number): ModelStatistics {
  const counted = lanes.flatMap((lane) => lane.models.get(model)?.versions[version] ?? []);
  const sum = (figure: Exclude<keyof VersionMetrics, 'upstream' | 'batches' | 'cache'>): number =>
    counted.reduce((total, one) => total + one[figure], 0);
  const cached = (figure: keyof CacheCounts): number =>
    counted.reduce((total, { cache }) => total + cache[figure], 0);
  const requests = sum('requests');
  const computed = requests - cached('hits');
  const seconds = (count: number, total: number): Duration => ({
    count,
    ns: Math.max(0, Math.round(total * 1e9)),
  });
  return {
    name: model,
    version: String(version),
    last_inference: Math.max(0, ...counted.map(({ last }) => last)),
    inference_count: sum('rows') - cached('hitRows'),
    execution_count: sum('executions'),
    inference_stats: {
      success: seconds(requests, sum('seconds')),
      fail: seconds(sum('failed'), 0),
      queue: seconds(requests, sum('queueSeconds')),
      // Reading a request counts as its output; but perf_analyzer ends itself where the three counts are not the same.
      compute_input: seconds(computed, 0),
      compute_infer: seconds(computed, sum('inferSeconds')),
      compute_output: seconds(computed, sum('seconds') - sum('inferSeconds') - sum('queueSeconds')),
      cache_hit: seconds(cached('hits'), cached('hitSeconds')),
      cache_miss: seconds(cached('misses'), cached('missSeconds')),
    },
    batch_stats: batchSizes(counted).map((size) => {
      const calls = counted.flatMap(({ batches }) => batches[size] ?? []);
      const count = calls.reduce((total, one) => total + one.count, 0);
      const infer = calls.reduce((total, one) => total + one.seconds, 0);
      const none = seconds(count, 0);
      return {
        batch_size: size,
        compute_input: none,
        compute_infer: seconds(count, infer),
        compute_output: none,
      };
    }),
  };
}

/** Ascending. */
function batchSizes(counted: VersionMetrics[]): number[] {
  const sizes = new Set(counted.flatMap(({ batches }) => Object.keys(batches).map(Number)));
  return [...sizes].sort((a, b) => a - b);
}
