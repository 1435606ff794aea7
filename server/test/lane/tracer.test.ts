import { DiagLogLevel, diag } from '@opentelemetry/api';
import { afterEach, expect, test } from 'vitest';
import { Tracer } from '../../src/lane/tracer.ts';
import { tracingSettings } from '../../src/lane/tracing-settings.ts';
import { Collector } from '../processes/collector.ts';

afterEach(() => diag.disable());

test('what is said of a span that has ended with its caller is let fall, in silence', async () => {
  const said: string[] = [];
  const log = (message: string): void => void said.push(message);
  diag.setLogger({ error: log, warn: log, info: log, debug: log, verbose: log }, DiagLogLevel.WARN);
  const collector = await Collector.start();
  const tracer = new Tracer(tracingSettings(collector.url, {}, log)!, 'lane-1');
  const { span } = tracer.begin(null, performance.now());
  span!.set({ 'slipway.model': 'm' });
  span!.end(performance.now());
  span!.set({ 'slipway.prediction': 'late' });
  await tracer.close(10_000);
  expect(said).toEqual([]);
  expect(collector.spans.map(({ attributes }) => attributes)).toEqual([{ 'slipway.model': 'm' }]);
  await collector.close();
});
