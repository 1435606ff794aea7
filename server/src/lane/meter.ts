import type { ErrorCode } from '../errors.ts';
import {
  type AdmissionMetrics,
  type AttachmentCounts,
  type LaneMetrics,
  latencyBuckets,
  type ModelMetrics,
  type SpanCounts,
  type TurnTimes,
  type VersionMetrics,
} from '../messages.ts';
import { addUpstream } from '../upstream-counts.ts';
import type { Arm } from './arm.ts';

/** Calls of more rows are not counted by their size: callers choose it, and the counts stay bounded. */
const mostBatchSize = 1024;

/** What this lane counts; control sums it over lanes for /metrics and the console. */
export class Meter {
  readonly #models = new Map<string, ModelMetrics>();
  labels = 0;
  unjournaled = 0;

  /** Of all `milliseconds`, so many within the model itself, and before it in a queue. `at`: ms since the epoch. */
  answered(
    arm: Arm,
    rows: number,
    milliseconds: number,
    inferMilliseconds: number,
    queueMilliseconds: number,
    at: number,
  ): void {
    const metrics = this.#of(arm.model);
    metrics.requests++;
    metrics.rows += rows;
    const seconds = milliseconds / 1000;
    const version = versionOf(metrics, arm);
    version.requests++;
    version.rows += rows;
    version.seconds += seconds;
    version.inferSeconds += inferMilliseconds / 1000;
    version.queueSeconds += queueMilliseconds / 1000;
    version.last = at;
    metrics.latencySum += seconds;
    let bucket = 0;
    while (bucket < latencyBuckets.length && seconds > latencyBuckets[bucket]!) bucket++;
    metrics.latency[bucket]!++;
  }

  /** The model has answered a call, for whomever. */
  executed(arm: Arm, rows: number, milliseconds: number): void {
    const version = versionOf(this.#of(arm.model), arm);
    version.executions++;
    if (rows > mostBatchSize) return;
    version.batches[rows] ??= { count: 0, seconds: 0 };
    const batch = version.batches[rows];
    batch.count++;
    batch.seconds += milliseconds / 1000;
  }

  /** An answer came from the cache (of its rows the model has seen none), or did not; looking and keeping took so long. */
  cached(arm: Arm, isHit: boolean, rows: number, milliseconds: number): void {
    const version = versionOf(this.#of(arm.model), arm);
    const { cache } = version;
    if (isHit) {
      cache.hits++;
      cache.hitRows += rows;
      cache.hitSeconds += milliseconds / 1000;
    } else {
      cache.misses++;
      cache.missSeconds += milliseconds / 1000;
    }
  }

  error(arm: Arm, code: ErrorCode): void {
    const metrics = this.#of(arm.model);
    metrics.errors[code] = (metrics.errors[code] ?? 0) + 1;
    versionOf(metrics, arm).failed++;
  }

  imputed(model: string, values: number): void {
    if (values > 0) this.#of(model).imputed += values;
  }

  shadowRows(arm: Arm, rows: number): void {
    const metrics = this.#of(arm.model);
    metrics.shadowRows += rows;
    versionOf(metrics, arm);
  }

  shadowSkipped(model: string, rows: number): void {
    if (rows > 0) this.#of(model).shadowSkipped += rows;
  }

  shadowFailed(arm: Arm, rows: number): void {
    const metrics = this.#of(arm.model);
    metrics.shadowFailed += rows;
    versionOf(metrics, arm);
  }

  read(
    lane: number,
    incarnation: number,
    journalBytes: number,
    admission: AdmissionMetrics,
    attachments: AttachmentCounts,
    turns: TurnTimes,
    spans: SpanCounts | null,
  ): LaneMetrics {
    return {
      lane,
      incarnation,
      models: this.#models,
      labels: this.labels,
      journalBytes,
      unjournaled: this.unjournaled,
      residentBytes: process.memoryUsage.rss(),
      admission,
      attachments,
      turns,
      spans,
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
        versions: {},
      };
      this.#models.set(model, metrics);
    }
    return metrics;
  }
}

function versionOf({ versions }: ModelMetrics, { version: { version }, attached }: Arm): VersionMetrics {
  versions[version] ??= {
    requests: 0,
    rows: 0,
    failed: 0,
    seconds: 0,
    inferSeconds: 0,
    queueSeconds: 0,
    executions: 0,
    batches: {},
    cache: { hits: 0, hitRows: 0, hitSeconds: 0, misses: 0, missSeconds: 0 },
    last: 0,
    upstream: null,
  };
  const metrics = versions[version];
  if (attached.upstream && metrics.upstream !== attached.upstream) {
    // Attached once more: it goes on where the one before it ended.
    if (metrics.upstream) addUpstream(attached.upstream, metrics.upstream);
    metrics.upstream = attached.upstream;
  }
  return metrics;
}
