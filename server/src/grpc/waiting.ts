import type { Metadata } from '@grpc/grpc-js';
import { readTrace } from '../trace.ts';
import type { Waiting } from '../waiting.ts';

/** What is the same of calls with one message and of streams. */
export interface Call {
  readonly metadata: Metadata;
  readonly cancelled: boolean;
  getDeadline(): Date | number;
  once(event: 'cancelled', listener: () => void): unknown;
}

/** What a call says of who waits. A stream's deadline is that of all its requests. */
export function waitingOf(call: Call): Waiting {
  const { metadata } = call;
  return {
    // An absolute time by the wall's clock, as grpc-js has it.
    deadline: performance.now() + Number(call.getDeadline()) - Date.now(),
    trace: readTrace(text(metadata, 'traceparent'), text(metadata, 'tracestate')),
    cancellation: {
      get cancelled() {
        return call.cancelled;
      },
      whenCancelled: (then) => void call.once('cancelled', then),
    },
  };
}

function text(metadata: Metadata, name: string): string | undefined {
  const [value] = metadata.get(name);
  return value?.toString();
}
