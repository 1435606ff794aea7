import {
  type Context,
  createTraceState,
  type Span as OtelSpan,
  type Tracer as OtelTracer,
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  trace as traces,
} from '@opentelemetry/api';
import {
  defaultResource,
  detectResources,
  envDetector,
  resourceFromAttributes,
} from '@opentelemetry/resources';
import {
  AlwaysOffSampler,
  AlwaysOnSampler,
  ParentBasedSampler,
  type Sampler,
  TraceIdRatioBasedSampler,
  TracerProvider,
} from '@opentelemetry/sdk-trace';
import type { SpanCounts } from '../messages.ts';
import { productVersion } from '../product.ts';
import {
  randomFlag,
  type Span,
  type SpanAttributes,
  type SpanDetails,
  sampledFlag,
  type Trace,
} from '../trace.ts';
import { SpanExport } from './span-export.ts';
import type { TracingSettings } from './tracing-settings.ts';

/** A request's own span, begun. */
export interface Begun {
  /** What is told to whoever is asked on its behalf. */
  trace: Trace;
  /** null: its trace is not recorded. */
  span: Span | null;
}

/**
 * Records the spans of a lane's requests and exports them. Only a lane whose exporter is configured loads this file
 * and what it imports (docs/adr/0020-tracing.md).
 */
export class Tracer {
  readonly #export: SpanExport;
  readonly #tracer: OtelTracer;

  constructor(settings: TracingSettings, lane: string) {
    this.#export = new SpanExport(settings);
    const own = {
      'service.name': 'slipway',
      'service.version': productVersion,
      'service.instance.id': crypto.randomUUID(),
      'process.pid': process.pid,
      'slipway.process': lane,
    };
    const provider = new TracerProvider({
      resource: defaultResource()
        .merge(resourceFromAttributes(own))
        .merge(detectResources({ detectors: [envDetector] })),
      sampler: samplerOf(settings),
      spanProcessors: [this.#export],
    });
    this.#tracer = provider.getTracer('slipway', productVersion);
  }

  get counts(): SpanCounts {
    return this.#export.counts;
  }

  /** A request has come. `since`: `performance.now()`. */
  begin(caller: Trace | null, since: number): Begun {
    // Times within a request are of one clock, whatever happens to the wall's meanwhile.
    const epoch = Date.now() - performance.now();
    const context = caller ? contextOf(caller) : ROOT_CONTEXT;
    const span = this.#tracer.startSpan('', { kind: SpanKind.SERVER, startTime: epoch + since }, context);
    const recorded = new RecordedSpan(this.#tracer, span, caller, epoch);
    return { trace: recorded.trace, span: span.isRecording() ? recorded : null };
  }

  /** What waits is exported, for so long at most, ms. */
  close(patienceMs: number): Promise<void> {
    return this.#export.close(patienceMs);
  }
}

class RecordedSpan implements Span {
  readonly trace: Trace;
  readonly #tracer: OtelTracer;
  readonly #span: OtelSpan;
  readonly #epoch: number;
  #context: Context | null = null;

  constructor(tracer: OtelTracer, span: OtelSpan, caller: Trace | null, epoch: number) {
    this.#tracer = tracer;
    this.#span = span;
    this.#epoch = epoch;
    const { traceId, spanId, traceFlags } = span.spanContext();
    // An id that was made here is random; of another's only its maker knows.
    const random = caller ? caller.flags & randomFlag : randomFlag;
    const flags = (traceFlags & sampledFlag) | random;
    this.trace = { id: traceId, parent: spanId, flags, state: caller?.state ?? '' };
  }

  set(attributes: SpanAttributes): void {
    // A caller's span ends when it goes, whoever still works for it.
    if (this.#span.isRecording()) this.#span.setAttributes(attributes);
  }

  name(name: string): void {
    this.#span.updateName(name);
  }

  begin(name: string, since: number, { attributes, isElsewhere, sameAs }: SpanDetails = {}): Span {
    this.#context ??= traces.setSpan(ROOT_CONTEXT, this.#span);
    const kind = isElsewhere ? SpanKind.CLIENT : SpanKind.INTERNAL;
    const links = sameAs ? [{ context: spanContextOf(sameAs.trace) }] : [];
    const startTime = this.#epoch + since;
    const span = this.#tracer.startSpan(
      name,
      { kind, startTime, links, ...(attributes ? { attributes } : {}) },
      this.#context,
    );
    return new RecordedSpan(this.#tracer, span, this.trace, this.#epoch);
  }

  end(at: number, error?: string): void {
    if (error !== undefined) {
      this.#span.setAttribute('error.type', error);
      this.#span.setStatus({ code: SpanStatusCode.ERROR });
    }
    this.#span.end(this.#epoch + at);
  }
}

function contextOf(trace: Trace): Context {
  return traces.setSpanContext(ROOT_CONTEXT, { ...spanContextOf(trace), isRemote: true });
}

function spanContextOf({ id, parent, flags, state }: Trace) {
  return {
    traceId: id,
    spanId: parent,
    traceFlags: flags & sampledFlag,
    ...(state === '' ? {} : { traceState: createTraceState(state) }),
  };
}

function samplerOf({ sampler, ratio }: TracingSettings): Sampler {
  const [, isParentBased, name] = /^(parentbased_)?(.*)$/.exec(sampler)!;
  const root =
    name === 'always_off'
      ? new AlwaysOffSampler()
      : name === 'traceidratio'
        ? new TraceIdRatioBasedSampler(ratio)
        : new AlwaysOnSampler();
  return isParentBased ? new ParentBasedSampler({ root }) : root;
}
