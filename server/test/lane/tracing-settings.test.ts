import { expect, test } from 'vitest';
import { samplerNames, tracingSettings } from '../../src/lane/tracing-settings.ts';

const there = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector:4318' };

function read(environment: Record<string, string>, endpoint: string | null = null) {
  const warnings: string[] = [];
  return { settings: tracingSettings(endpoint, environment, (message) => warnings.push(message)), warnings };
}

test('no endpoint, no spans; nor where they are turned off', () => {
  expect(read({ OTEL_SERVICE_NAME: 'x', OTEL_TRACES_SAMPLER: 'always_on' }).settings).toBeNull();
  expect(read({ OTEL_EXPORTER_OTLP_ENDPOINT: ' ' }).settings).toBeNull();
  expect(read({ ...there, OTEL_SDK_DISABLED: 'TRUE' }).settings).toBeNull();
  expect(read({ ...there, OTEL_TRACES_EXPORTER: 'none' }).settings).toBeNull();
  expect(read({ OTEL_SDK_DISABLED: 'true' }, 'http://collector:4318').settings).toBeNull();
});

test('the defaults are the specification’s', () => {
  const { settings, warnings } = read({ ...there, OTEL_SDK_DISABLED: 'false', OTEL_TRACES_EXPORTER: 'otlp' });
  expect(settings).toMatchObject({
    url: null,
    sampler: 'parentbased_always_on',
    ratio: 1,
    queue: 2048,
    delayMs: 5000,
  });
  expect(warnings).toEqual([]);
});

test('the command line’s endpoint is a base, as the variable is', () => {
  for (const endpoint of ['http://other:4318', 'http://other:4318/'])
    expect(read(there, endpoint).settings!.url).toBe('http://other:4318/v1/traces');
});

test('every sampler of the specification, and its argument', () => {
  for (const sampler of samplerNames) {
    const environment = { ...there, OTEL_TRACES_SAMPLER: sampler, OTEL_TRACES_SAMPLER_ARG: '0.25' };
    expect(read(environment).settings).toMatchObject({ sampler, ratio: 0.25 });
  }
});

test('a batch is never more than may wait', () => {
  const { settings } = read({ ...there, OTEL_BSP_MAX_QUEUE_SIZE: '10' });
  expect(settings).toMatchObject({ queue: 10, batch: 10 });
});

test.each([
  ['OTEL_TRACES_SAMPLER', 'xray'],
  ['OTEL_TRACES_SAMPLER_ARG', '2'],
  ['OTEL_BSP_MAX_QUEUE_SIZE', 'many'],
  ['OTEL_BSP_MAX_EXPORT_BATCH_SIZE', '4096'],
  ['OTEL_TRACES_EXPORTER', 'zipkin'],
  ['OTEL_EXPORTER_OTLP_PROTOCOL', 'grpc'],
])('%s=%s cannot be used: it is said, and the default is', (name, value) => {
  const { settings, warnings } = read({ ...there, [name]: value });
  expect(settings).toEqual(read(there).settings);
  expect(warnings).toHaveLength(1);
  expect(warnings[0]).toContain(value);
});
