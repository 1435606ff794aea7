/**
 * Where a request stands in its trace, as its caller says it.
 * https://www.w3.org/TR/trace-context-2/
 */
export interface Trace {
  /** 32 hexadecimal digits. */
  readonly id: string;
  /** The caller's span, 16 hexadecimal digits. */
  readonly parent: string;
  /** 8 bits; the lowest: sampled. */
  readonly flags: number;
  /** Vendors' own entries, passed on as they are; '' where there are none. */
  readonly state: string;
}

/**
 * Work on a request's behalf that is recorded in its trace (docs/adr/0020-tracing.md). Times are of
 * `performance.now()`.
 */
export interface Span {
  /** As whoever is asked on its behalf shall see it: this span is its parent. */
  readonly trace: Trace;
  /** Of a request's own span: by its route or method, never by what a caller may choose. */
  name(name: string): void;
  set(attributes: SpanAttributes): void;
  /** A part of it. */
  begin(name: string, since: number, details?: SpanDetails): Span;
  /** `error`: the code of what went wrong. */
  end(at: number, error?: string): void;
}

export interface SpanAttributes {
  [name: string]: string | number;
}

export interface SpanDetails {
  attributes?: SpanAttributes;
  /** Another process or machine is asked. */
  isElsewhere?: boolean;
  /** The same work, as a part of another trace. */
  sameAs?: Span;
}

const wellFormed = /^(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;

/** What must be passed on at least, characters. */
const stateLimit = 512;

/** Of the headers `traceparent` and `tracestate`; null where they say nothing that can be used: the trace begins anew. */
export function readTrace(traceparent: string | undefined, tracestate: string | undefined): Trace | null {
  if (traceparent === undefined) return null;
  const found = wellFormed.exec(traceparent);
  // Later versions may append to what version 00 says.
  if (!found || (found[4] !== undefined && traceparent.startsWith('00'))) return null;
  const state = tracestate !== undefined && tracestate.length <= stateLimit ? tracestate : '';
  return { id: found[1]!, parent: found[2]!, flags: Number.parseInt(found[3]!, 16), state };
}

/** The header `traceparent`. Flags that version 00 does not know are not passed on. */
export function traceparentOf({ id, parent, flags }: Trace): string {
  return `00-${id}-${parent}-0${flags & knownFlags}`;
}

export const sampledFlag = 0b01;
/** The trace's id is random. */
export const randomFlag = 0b10;
const knownFlags = sampledFlag | randomFlag;
