import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-proto';
import { BatchSpanProcessor, type ReadableSpan, type SpanProcessor } from '@opentelemetry/sdk-trace';
import type { SpanCounts } from '../messages.ts';
import type { TracingSettings } from './tracing-settings.ts';

/**
 * Sends spans to the collector in batches, and counts what becomes of them. What waits is bounded, the batch on its way
 * included: a collector that is away costs memory for `queue` spans, and no request any time.
 */
export class SpanExport implements SpanProcessor {
  readonly counts: SpanCounts = { exported: 0, dropped: 0, failed: 0 };
  readonly #batches: BatchSpanProcessor;
  readonly #most: number;
  #waiting = 0;

  constructor({ url, queue, batch, delayMs }: TracingSettings) {
    this.#most = queue;
    const otlp = new OTLPTraceExporter(url === null ? {} : { url });
    this.#batches = new BatchSpanProcessor({
      maxQueueSize: queue,
      maxExportBatchSize: batch,
      scheduledDelayMillis: delayMs,
      exporter: {
        export: (spans, done) =>
          otlp.export(spans, (result) => {
            this.#waiting -= spans.length;
            this.counts[result.error ? 'failed' : 'exported'] += spans.length;
            done(result);
          }),
        shutdown: () => otlp.shutdown(),
      },
    });
  }

  onStart(): void {}

  onEnd(span: ReadableSpan): void {
    if (this.#waiting >= this.#most) {
      this.counts.dropped++;
      return;
    }
    this.#waiting++;
    this.#batches.onEnd(span);
  }

  forceFlush(): Promise<void> {
    return this.#batches.forceFlush();
  }

  shutdown(): Promise<void> {
    return this.#batches.shutdown();
  }

  /** What waits leaves, or is given up after so many ms. */
  async close(patienceMs: number): Promise<void> {
    const bound = new Promise<void>((resolve) => setTimeout(resolve, patienceMs).unref());
    await Promise.race([this.shutdown().catch(() => {}), bound]);
  }
}
