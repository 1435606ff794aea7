import { type Metadata, status } from '@grpc/grpc-js';
import { toSlipwayError } from '../errors.ts';
import type { Tracer } from '../lane/tracer.ts';
import { readTrace, type Span, type Trace, traceparentOf } from '../trace.ts';
import { statusOf } from './status.ts';

/** What the server is to blame for, by OpenTelemetry's conventions. */
const ours: ReadonlySet<number> = new Set([
  status.UNKNOWN,
  status.DEADLINE_EXCEEDED,
  status.UNIMPLEMENTED,
  status.INTERNAL,
  status.UNAVAILABLE,
  status.DATA_LOSS,
]);

/** One call, or one request of a stream, as far as its trace is concerned. */
export interface CallTrace {
  /** What is told to whoever is asked on its behalf; null: it came without one. */
  readonly trace: Trace | null;
  readonly span: Span | null;
  /** It is answered; null: as it should be. */
  end(thrown: unknown): void;
}

/**
 * Begins a call's span, by OpenTelemetry's conventions for gRPC servers 1.45. `method`: "package.Service/Method".
 * https://opentelemetry.io/docs/specs/semconv/rpc/grpc/
 */
export function traceCall(tracer: Tracer | null, method: string, metadata: Metadata): CallTrace {
  const caller = readTrace(text(metadata, 'traceparent'), text(metadata, 'tracestate'));
  if (!tracer) return { trace: caller, span: null, end: () => {} };
  const { trace, span } = tracer.begin(caller, performance.now());
  if (!span) return { trace, span, end: () => {} };
  span.name(method);
  span.set({ 'rpc.system.name': 'grpc', 'rpc.method': method });
  const end = (thrown: unknown): void => {
    const code = thrown === null ? null : toSlipwayError(thrown).code;
    const said = thrown === null ? status.OK : statusOf(thrown).code;
    span.set({
      'rpc.response.status_code': status[said],
      ...(code === null ? {} : { 'slipway.code': code }),
    });
    span.end(performance.now(), code !== null && ours.has(said) ? code : undefined);
  };
  return { trace, span, end };
}

/** Answers a call within its span. */
export async function traced<T>(call: CallTrace, answer: () => T | Promise<T>): Promise<T> {
  try {
    const answered = await answer();
    call.end(null);
    return answered;
  } catch (thrown) {
    call.end(thrown);
    throw thrown;
  }
}

/** The caller gets the trace's id with the call's last metadata, as HTTP's header `traceresponse`. */
export function sayTrace({ trace, span }: CallTrace, metadata: Metadata): Metadata {
  if (span && trace) metadata.set('traceresponse', traceparentOf(trace));
  return metadata;
}

function text(metadata: Metadata, name: string): string | undefined {
  const [value] = metadata.get(name);
  return value?.toString();
}
