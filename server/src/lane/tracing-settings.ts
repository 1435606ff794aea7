/** How spans leave a lane. */
export interface TracingSettings {
  /** URL that they are posted to; null: as OpenTelemetry's environment variables say. */
  url: string | null;
  sampler: SamplerName;
  /** Of the samplers by ratio: the share of traces that is recorded. */
  ratio: number;
  /** Spans that wait to be exported, at most; more are dropped. */
  queue: number;
  /** Spans in one request to the collector, at most. */
  batch: number;
  delayMs: number;
}

export const samplerNames = [
  'always_on',
  'always_off',
  'traceidratio',
  'parentbased_always_on',
  'parentbased_always_off',
  'parentbased_traceidratio',
] as const;
export type SamplerName = (typeof samplerNames)[number];

/** As the specification has them; batches are smaller, because to write one holds the event loop (128 spans: 1 ms). */
const defaults = { queue: 2048, batch: 128, delayMs: 5000 };

/**
 * By OpenTelemetry's environment variables; null: no spans. `endpoint` is what the command line says instead of
 * OTEL_EXPORTER_OTLP_ENDPOINT. What cannot be used is told to `warn` and left out, as the specification wants it.
 * https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/
 */
export function tracingSettings(
  endpoint: string | null,
  environment: { [name: string]: string | undefined },
  warn: (message: string) => void,
): TracingSettings | null {
  const read = (name: string): string => environment[name]?.trim() ?? '';
  const isConfigured =
    endpoint !== null ||
    read('OTEL_EXPORTER_OTLP_TRACES_ENDPOINT') !== '' ||
    read('OTEL_EXPORTER_OTLP_ENDPOINT') !== '';
  const exporter = read('OTEL_TRACES_EXPORTER').toLowerCase();
  if (!isConfigured || exporter === 'none' || read('OTEL_SDK_DISABLED').toLowerCase() === 'true') return null;
  if (exporter !== '' && exporter !== 'otlp') warn(`OTEL_TRACES_EXPORTER=${exporter} is not there: otlp is.`);
  const protocol = read('OTEL_EXPORTER_OTLP_TRACES_PROTOCOL') || read('OTEL_EXPORTER_OTLP_PROTOCOL');
  if (protocol !== '' && protocol !== 'http/protobuf')
    warn(`OTLP over ${protocol} is not there: http/protobuf is, to port 4318 as a rule.`);
  const number = (name: string, most: number, otherwise: number): number => {
    const text = read(name);
    const value = Number(text);
    if (text !== '' && value >= 0 && value <= most) return value;
    if (text !== '') warn(`${name}=${text} is no number from 0 to ${most}: ${otherwise} is used.`);
    return otherwise;
  };
  const queue = Math.max(1, number('OTEL_BSP_MAX_QUEUE_SIZE', 1e6, defaults.queue));
  const batch = Math.max(1, number('OTEL_BSP_MAX_EXPORT_BATCH_SIZE', queue, Math.min(defaults.batch, queue)));
  return {
    url: endpoint === null ? null : `${endpoint.replace(/\/+$/, '')}/v1/traces`,
    sampler: samplerOf(read('OTEL_TRACES_SAMPLER').toLowerCase(), warn),
    ratio: number('OTEL_TRACES_SAMPLER_ARG', 1, 1),
    queue,
    batch,
    delayMs: number('OTEL_BSP_SCHEDULE_DELAY', 3_600_000, defaults.delayMs),
  };
}

function samplerOf(name: string, warn: (message: string) => void): SamplerName {
  const known = samplerNames.find((one) => one === name);
  if (!known && name !== '') warn(`OTEL_TRACES_SAMPLER=${name} is not there: parentbased_always_on is used.`);
  return known ?? 'parentbased_always_on';
}
