import { type LaneMetrics, type ModelMetrics, spanOutcomes, type VersionMetrics } from '../messages.ts';
import { addUpstream } from '../upstream-counts.ts';

/** Counters of lanes that are gone, in one: however many there were, totals never go back and memory does not grow. */
export function noLanes(): LaneMetrics {
  return {
    lane: 0,
    incarnation: 0,
    models: new Map(),
    labels: 0,
    journalBytes: 0,
    unjournaled: 0,
    residentBytes: 0,
    admission: { refused: 0, pressed: false, waited: 0, limit: null },
    attachments: { attached: 0, bytes: 0, attaches: 0, evictions: 0, failures: 0 },
    turns: { p50: 0, p99: 0, max: 0 },
    spans: null,
  };
}

/** Adds a lane's counters to `total`; its memory is free again, and nobody waits there. */
export function addLane(total: LaneMetrics, lane: LaneMetrics): void {
  total.labels += lane.labels;
  total.journalBytes += lane.journalBytes;
  total.unjournaled += lane.unjournaled;
  total.admission.refused += lane.admission.refused;
  total.attachments.attaches += lane.attachments.attaches;
  total.attachments.evictions += lane.attachments.evictions;
  total.attachments.failures += lane.attachments.failures;
  if (lane.spans) {
    total.spans ??= { exported: 0, dropped: 0, failed: 0 };
    for (const outcome of spanOutcomes) total.spans[outcome] += lane.spans[outcome];
  }
  for (const [model, metrics] of lane.models) {
    const sum = total.models.get(model);
    if (sum) addModel(sum, metrics);
    else total.models.set(model, structuredClone(metrics));
  }
}

function addModel(sum: ModelMetrics, metrics: ModelMetrics): void {
  sum.requests += metrics.requests;
  sum.rows += metrics.rows;
  sum.imputed += metrics.imputed;
  sum.shadowRows += metrics.shadowRows;
  sum.shadowSkipped += metrics.shadowSkipped;
  sum.shadowFailed += metrics.shadowFailed;
  sum.latencySum += metrics.latencySum;
  for (const [i, count] of metrics.latency.entries()) sum.latency[i]! += count;
  for (const [code, count] of Object.entries(metrics.errors))
    sum.errors[code] = (sum.errors[code] ?? 0) + count;
  for (const [version, more] of Object.entries(metrics.versions)) {
    const known = sum.versions[Number(version)];
    if (known) addVersion(known, more);
    else sum.versions[Number(version)] = structuredClone(more);
  }
}

const cacheFigures = ['hits', 'hitRows', 'hitSeconds', 'misses', 'missSeconds'] as const;

function addVersion(sum: VersionMetrics, more: VersionMetrics): void {
  sum.requests += more.requests;
  sum.rows += more.rows;
  sum.failed += more.failed;
  sum.seconds += more.seconds;
  sum.inferSeconds += more.inferSeconds;
  sum.queueSeconds += more.queueSeconds;
  sum.executions += more.executions;
  for (const [rows, { count, seconds }] of Object.entries(more.batches)) {
    sum.batches[Number(rows)] ??= { count: 0, seconds: 0 };
    const batch = sum.batches[Number(rows)]!;
    batch.count += count;
    batch.seconds += seconds;
  }
  for (const figure of cacheFigures) sum.cache[figure] += more.cache[figure];
  sum.last = Math.max(sum.last, more.last);
  if (sum.upstream && more.upstream) addUpstream(sum.upstream, more.upstream);
  else sum.upstream ??= structuredClone(more.upstream);
}
