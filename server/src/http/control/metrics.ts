import { Counter, Gauge, Registry as Metrics } from 'prom-client';
import { type LaneMetrics, latencyBuckets, type ProcessStatus, spanOutcomes } from '../../messages.ts';
import type { VersionReport } from '../../trouble.ts';

/** Lanes' counters in Prometheus's text format, summed over lanes, those that are gone included. */
export async function prometheusText(
  lanes: LaneMetrics[],
  processes: (ProcessStatus & { megabytes: number })[],
  reports: readonly VersionReport[],
): Promise<{ text: string; type: string }> {
  const registers = [new Metrics()];
  const counter = (name: string, help: string, labelNames: string[] = []) =>
    new Counter({ name, help, labelNames, registers });
  const requests = counter(
    'slipway_requests_total',
    'Prediction requests by outcome; code "ok" or an error code.',
    ['model', 'code'],
  );
  const rows = counter('slipway_predictions_total', 'Rows answered.', ['model']);
  const shadows = counter('slipway_shadow_rows_total', 'Rows for shadow arms: answered, skipped or failed.', [
    'model',
    'outcome',
  ]);
  const imputed = counter('slipway_imputed_values_total', 'Values imputed by a version’s policy.', ['model']);
  const upstream = counter(
    'slipway_upstream_requests_total',
    'Requests to upstreams: answered, failed, or abandoned by their callers.',
    ['model', 'version', 'outcome'],
  );
  const retries = counter('slipway_upstream_retries_total', 'Of those: sent a second time.', [
    'model',
    'version',
  ]);
  const openings = counter('slipway_upstream_opened_total', 'Times that an upstream’s circuit opened.', [
    'model',
    'version',
  ]);
  const executions = counter(
    'slipway_executions_total',
    'Calls of models: one for all requests that it merged.',
    ['model', 'version'],
  );
  const cache = counter('slipway_cache_requests_total', 'Requests of versions with a cache: hit or miss.', [
    'model',
    'version',
    'outcome',
  ]);
  const labels = counter('slipway_labels_total', 'Labels taken in.');
  const bytes = counter('slipway_journal_bytes_total', 'Bytes written to the journal.');
  const unjournaled = counter(
    'slipway_unjournaled_total',
    'Answers that were served although they could not be journaled.',
  );
  const refused = counter(
    'slipway_refused_total',
    'Predictions refused before their body was read, because the lane had enough to do.',
  );
  const pressed = new Gauge({
    name: 'slipway_lanes_pressed',
    help: 'Lanes that have had more to do than they can for longer than a burst.',
    registers,
  });
  const limit = new Gauge({
    name: 'slipway_lanes_turn_limit',
    help: 'Predictions that one turn of all lanes takes on while it has more to do than it can.',
    registers,
  });
  const waited = new Gauge({
    name: 'slipway_lane_wait_seconds',
    help: 'How long requests waited at most before they were looked at, in the last turn of the slowest lane.',
    registers,
  });
  const turns = new Gauge({
    name: 'slipway_lane_turn_seconds',
    help: 'How long turns of a lane’s event loop took in the last minute: for so long everybody waits.',
    labelNames: ['lane', 'quantile'],
    registers,
  });
  const gauge = (name: string, help: string) => new Gauge({ name, help, registers });
  const attached = gauge('slipway_attached_versions', 'Versions attached in lanes now.');
  const attachedBytes = gauge(
    'slipway_attached_bytes',
    'What they hold, by what the gates measured; --model-memory bounds it.',
  );
  const attaches = counter('slipway_attaches_total', 'Versions attached, for the first time or again.');
  const evictions = counter(
    'slipway_evictions_total',
    'Versions detached to make room for others: they are attached again when they are asked for.',
  );
  const failures = counter('slipway_attach_failures_total', 'Versions that could not be attached.');
  const spans = counter(
    'slipway_spans_total',
    'Spans of traces: exported, dropped because too many waited, or failed to be exported.',
    ['outcome'],
  );
  const memory = new Gauge({
    name: 'slipway_process_resident_bytes',
    help: 'Resident memory.',
    labelNames: ['process'],
    registers,
  });
  const asleep = gauge(
    'slipway_scorers_asleep',
    'Versions whose own process was put to sleep for want of --scorer-memory, or has not been started for it.',
  );
  const scorerEvictions = counter(
    'slipway_scorer_evictions_total',
    'Processes of versions that were put to sleep to make room for others: they start again when they are asked.',
    ['model', 'version'],
  );
  const restarts = new Gauge({
    name: 'slipway_process_restarts',
    help: 'Replacements since the start.',
    labelNames: ['process'],
    registers,
  });
  const trouble = new Gauge({
    name: 'slipway_version_trouble',
    help: 'Of versions with a process of their own or on another server: 1 while something keeps them from answering, or did a moment ago.',
    labelNames: ['model', 'version'],
    registers,
  });
  const versionRestarts = new Gauge({
    name: 'slipway_version_restarts',
    help: 'Starts of a version’s own process after the first, since its scorer’s start.',
    labelNames: ['model', 'version'],
    registers,
  });
  for (const { model, version, trouble: what, restarts: count } of reports) {
    trouble.set({ model, version }, what ? 1 : 0);
    if (count !== null) versionRestarts.set({ model, version }, count);
  }
  for (const lane of lanes) {
    labels.inc(lane.labels);
    bytes.inc(lane.journalBytes);
    unjournaled.inc(lane.unjournaled);
    refused.inc(lane.admission.refused);
    if (lane.admission.pressed) pressed.inc();
    if (lane.admission.limit !== null) limit.inc(lane.admission.limit);
    attached.inc(lane.attachments.attached);
    attachedBytes.inc(lane.attachments.bytes);
    attaches.inc(lane.attachments.attaches);
    evictions.inc(lane.attachments.evictions);
    failures.inc(lane.attachments.failures);
    if (lane.lane > 0) {
      turns.set({ lane: lane.lane, quantile: '0.5' }, lane.turns.p50);
      turns.set({ lane: lane.lane, quantile: '0.99' }, lane.turns.p99);
      turns.set({ lane: lane.lane, quantile: '1' }, lane.turns.max);
    }
    if (lane.spans) {
      for (const outcome of spanOutcomes) spans.inc({ outcome }, lane.spans[outcome]);
    }
    for (const [model, one] of lane.models) {
      requests.inc({ model, code: 'ok' }, one.requests);
      for (const [code, count] of Object.entries(one.errors)) requests.inc({ model, code }, count);
      rows.inc({ model }, one.rows);
      imputed.inc({ model }, one.imputed);
      shadows.inc({ model, outcome: 'answered' }, one.shadowRows);
      shadows.inc({ model, outcome: 'skipped' }, one.shadowSkipped);
      shadows.inc({ model, outcome: 'failed' }, one.shadowFailed);
      for (const [version, { upstream: counts, executions: calls, cache: kept }] of Object.entries(
        one.versions,
      )) {
        executions.inc({ model, version }, calls);
        if (kept.hits + kept.misses > 0) {
          cache.inc({ model, version, outcome: 'hit' }, kept.hits);
          cache.inc({ model, version, outcome: 'miss' }, kept.misses);
        }
        if (!counts) continue;
        upstream.inc({ model, version, outcome: 'answered' }, counts.answered);
        upstream.inc({ model, version, outcome: 'failed' }, counts.failed);
        upstream.inc({ model, version, outcome: 'abandoned' }, counts.abandoned);
        retries.inc({ model, version }, counts.retried);
        openings.inc({ model, version }, counts.opened);
      }
    }
  }
  waited.set(Math.max(0, ...lanes.map(({ admission }) => admission.waited)));
  for (const { name, megabytes, restarts: count, state, scores } of processes) {
    memory.set({ process: name }, megabytes * 1e6);
    restarts.set({ process: name }, count);
    if (state === 'asleep') asleep.inc();
    if (scores) {
      const { model, version, evictions: times } = scores;
      scorerEvictions.inc({ model, version }, times);
    }
  }
  const [main] = registers as [Metrics];
  return { text: (await main.metrics()) + histogramText(lanes), type: main.contentType };
}

/** The lanes count in buckets already, which prom-client's Histogram cannot take over. */
function histogramText(lanes: LaneMetrics[]): string {
  const name = 'slipway_request_seconds';
  let text = `\n# HELP ${name} Time from the decoded request to its answer.\n# TYPE ${name} histogram\n`;
  for (const model of new Set(lanes.flatMap((lane) => [...lane.models.keys()]))) {
    const label = `model="${model}"`;
    let total = 0;
    let sum = 0;
    for (const [i, bound] of [...latencyBuckets, '+Inf'].entries()) {
      for (const lane of lanes) total += lane.models.get(model)?.latency[i] ?? 0;
      text += `${name}_bucket{${label},le="${bound}"} ${total}\n`;
    }
    for (const lane of lanes) sum += lane.models.get(model)?.latencySum ?? 0;
    text += `${name}_sum{${label}} ${sum}\n${name}_count{${label}} ${total}\n`;
  }
  return text;
}
