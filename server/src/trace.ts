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

/** Sampled, and: the trace's id is random. */
const knownFlags = 0b11;
