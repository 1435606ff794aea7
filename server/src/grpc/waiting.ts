import type { Metadata } from '@grpc/grpc-js';
import type { Cancellation, Waiting } from '../waiting.ts';
import type { CallTrace } from './span.ts';

/** What is the same of calls with one message and of streams. */
export interface Call {
  readonly metadata: Metadata;
  readonly cancelled: boolean;
  getDeadline(): Date | number;
  once(event: 'cancelled', listener: () => void): unknown;
}

/** What a call says of who waits. A stream's deadline is that of all its requests. */
export function waitingOf(call: Call, { trace, span }: CallTrace): Waiting {
  return {
    // An absolute time by the wall's clock, as grpc-js has it.
    deadline: performance.now() + Number(call.getDeadline()) - Date.now(),
    trace,
    span,
    cancellation: new OfCall(call),
  };
}

/** A class and no literal: see AllOf. */
class OfCall implements Cancellation {
  readonly #call: Call;

  constructor(call: Call) {
    this.#call = call;
  }

  get cancelled(): boolean {
    return this.#call.cancelled;
  }

  whenCancelled(then: () => void): void {
    this.#call.once('cancelled', then);
  }
}
