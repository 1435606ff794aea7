import type { ErrorCode } from '../errors.ts';
import { type LaneMetrics, latencyBuckets, type ModelMetrics } from '../messages.ts';

/** What this lane counts; control sums it over lanes for /metrics and the console. */
export class Meter {
  readonly #models = new Map<string, ModelMetrics>();
  labels = 0;
  unjournaled = 0;

  answered(model: string, rows: number, milliseconds: number): void {
    const metrics = this.#of(model);
    metrics.requests++;
    metrics.rows += rows;
    const seconds = milliseconds / 1000;
    metrics.latencySum += seconds;
    let bucket = 0;
    while (bucket < latencyBuckets.length && seconds > latencyBuckets[bucket]!) bucket++;
    metrics.latency[bucket]!++;
  }

  error(model: string, code: ErrorCode): void {
    const { errors } = this.#of(model);
    errors[code] = (errors[code] ?? 0) + 1;
  }

  imputed(model: string, values: number): void {
    if (values > 0) this.#of(model).imputed += values;
  }

  shadowRows(model: string, rows: number): void {
    this.#of(model).shadowRows += rows;
  }

  shadowSkipped(model: string, rows: number): void {
    if (rows > 0) this.#of(model).shadowSkipped += rows;
  }

  shadowFailed(model: string, rows: number): void {
    this.#of(model).shadowFailed += rows;
  }

  read(incarnation: number, journalBytes: number): LaneMetrics {
    return {
      incarnation,
      models: this.#models,
      labels: this.labels,
      journalBytes,
      unjournaled: this.unjournaled,
      residentBytes: process.memoryUsage.rss(),
    };
  }

  #of(model: string): ModelMetrics {
    let metrics = this.#models.get(model);
    if (!metrics) {
      metrics = {
        requests: 0,
        rows: 0,
        errors: {},
        imputed: 0,
        shadowRows: 0,
        shadowSkipped: 0,
        shadowFailed: 0,
        latency: new Array<number>(latencyBuckets.length + 1).fill(0),
        latencySum: 0,
      };
      this.#models.set(model, metrics);
    }
    return metrics;
  }
}
