import { SlipwayError } from '../../errors.ts';
import { type Trace, traceparentOf } from '../../trace.ts';
import { cancelled } from '../../waiting.ts';
import { Failure } from './failure.ts';

/** An upstream that knows how long it is waited for may say so early that it is too late, ms. */
const earlyMs = 100;

/** Who waits for an upstream's answer: waiting.ts, with one signal for all requests that are made for them. */
export interface Asker {
  /** `performance.now()`; Infinity: none. */
  deadline: number;
  trace: Trace | null;
  /** Aborted when they go. */
  gone: AbortSignal | null;
}

/** How long an answer is waited for: as long as an upstream may take, or its asker waits, whichever ends first. */
export class Bound {
  readonly signal: AbortSignal;
  readonly headers: Record<string, string>;
  readonly #gone: AbortSignal | null;
  readonly #end: number;
  readonly #isAskers: boolean;
  readonly #timeoutMs: number;

  /** Throws TIMEOUT and CANCELLED where nobody waits already. */
  constructor({ deadline, trace, gone }: Asker, timeoutMs: number) {
    const now = performance.now();
    if (gone?.aborted) throw cancelled();
    if (deadline <= now) throw tooLate();
    this.#gone = gone;
    this.#timeoutMs = timeoutMs;
    this.#isAskers = deadline < now + timeoutMs;
    this.#end = Math.min(deadline, now + timeoutMs);
    const timeout = AbortSignal.timeout(Math.ceil(this.#end - now));
    this.signal = gone ? AbortSignal.any([gone, timeout]) : timeout;
    this.headers = trace
      ? { traceparent: traceparentOf(trace), ...(trace.state ? { tracestate: trace.state } : {}) }
      : {};
  }

  get leftMs(): number {
    return this.#end - performance.now();
  }

  /** What its asker gave up, though the upstream may have noticed that first, being told the time; else null. */
  abandoned(thrown: unknown): SlipwayError | null {
    if (this.#gone?.aborted) return cancelled();
    const isSaid = thrown instanceof Failure && thrown.kind === 'late' && this.leftMs < earlyMs;
    return this.#isAskers && (isSaid || this.signal.aborted) ? tooLate() : null;
  }

  failure(thrown: unknown): Failure {
    if (this.signal.aborted)
      return new Failure('late', `Its upstream did not answer within ${this.#timeoutMs} ms.`);
    if (thrown instanceof Failure) return thrown;
    return new Failure('failed', `Its upstream’s answer is not as was agreed: ${(thrown as Error).message}`);
  }
}

function tooLate(): SlipwayError {
  return new SlipwayError('TIMEOUT', 'Its upstream did not answer within the time that its caller gave.');
}
