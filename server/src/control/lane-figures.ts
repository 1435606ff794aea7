import type { ModelView } from '../api.ts';
import { type LaneMetrics, latencyBuckets } from '../messages.ts';

/** Looks closer together than this share one rate, ms. */
const rateMs = 1000;

/** What the lanes count of a model, summed and put as figures for people. */
export class LaneFigures {
  readonly #looks = new Map<string, { at: number; requests: number; rate: number }>();

  of(
    model: string,
    metrics: LaneMetrics[],
  ): Pick<ModelView['traffic'], 'requestsPerSecond' | 'p50' | 'p99' | 'errors' | 'imputed'> {
    const counts = new Array<number>(latencyBuckets.length + 1).fill(0);
    let errors = 0;
    let imputed = 0;
    for (const lane of metrics) {
      const one = lane.models.get(model);
      if (!one) continue;
      for (const [i, count] of one.latency.entries()) counts[i]! += count;
      imputed += one.imputed;
      errors += Object.values(one.errors).reduce((sum, count) => sum + count, 0);
    }
    return {
      requestsPerSecond: this.#rate(model, counts),
      p50: bucketQuantile(counts, 0.5),
      p99: bucketQuantile(counts, 0.99),
      errors,
      imputed,
    };
  }

  /** Requests a second since the last look. */
  #rate(model: string, counts: number[]): number {
    const requests = counts.reduce((sum, count) => sum + count, 0);
    const now = performance.now();
    const last = this.#looks.get(model);
    if (last && now - last.at < rateMs) return last.rate;
    const rate = last ? Math.max(0, ((requests - last.requests) / (now - last.at)) * 1000) : 0;
    this.#looks.set(model, { at: now, requests, rate });
    return rate;
  }
}

/** ms, interpolated within the bucket; null without requests. */
export function bucketQuantile(counts: number[], share: number): number | null {
  const total = counts.reduce((sum, count) => sum + count, 0);
  if (total === 0) return null;
  let before = 0;
  for (let i = 0; i < latencyBuckets.length; i++) {
    const count = counts[i]!;
    if (before + count >= total * share) {
      const low = i === 0 ? 0 : latencyBuckets[i - 1]!;
      return 1000 * (low + ((total * share - before) / count) * (latencyBuckets[i]! - low));
    }
    before += count;
  }
  return 1000 * latencyBuckets.at(-1)!;
}
