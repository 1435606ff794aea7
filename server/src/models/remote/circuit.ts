/** Of so many latest calls … */
const windowCalls = 20;
/** … so many failed: the upstream is left alone. */
const mostFailures = 10;
/** For how long, ms; twice as long after each probe that fails, up to the other. */
const firstWaitMs = 1_000;
const longestWaitMs = 30_000;

/** Goes with one call; tells the circuit what its outcome is worth. */
export type Ticket = 'call' | 'probe';

/**
 * A circuit breaker (Nygard, Release It!, 2018): closed while calls succeed; open, so that none is made, once 10 of
 * the last 20 failed; half-open after a wait, when a single call finds out whether it can close again. Time (ms, any
 * origin, rising) is an argument.
 */
export class Circuit {
  /** Outcomes of the latest calls, oldest overwritten first; true: failed. */
  readonly #failed: boolean[] = [];
  #next = 0;
  #openUntil: number | null = null;
  #waitMs = firstWaitMs;
  #probing = false;
  /** Times that it opened. */
  opened = 0;

  /** Whether the upstream is left alone, or about to be asked whether it is back. */
  get isOpen(): boolean {
    return this.#openUntil !== null;
  }

  /** A ticket if a call may be made now; whoever takes it brings it back with `leave`. */
  enter(now: number): Ticket | null {
    if (this.#openUntil === null) return 'call';
    if (this.#probing || now < this.#openUntil) return null;
    this.#probing = true;
    return 'probe';
  }

  /** `failed` null: the call was given up, and says nothing. */
  leave(ticket: Ticket, failed: boolean | null, now: number): void {
    if (ticket === 'probe') this.#probing = false;
    if (failed === null) return;
    if (ticket === 'probe') {
      if (failed) this.#open(now, Math.min(longestWaitMs, this.#waitMs * 2));
      else this.#close();
      return;
    }
    // A call from before the circuit opened says nothing new.
    if (this.#openUntil !== null) return;
    this.#failed[this.#next] = failed;
    this.#next = (this.#next + 1) % windowCalls;
    if (this.#failed.filter(Boolean).length >= mostFailures) this.#open(now, firstWaitMs);
  }

  #open(now: number, waitMs: number): void {
    this.#waitMs = waitMs;
    this.#openUntil = now + waitMs;
    this.opened++;
  }

  #close(): void {
    this.#openUntil = null;
    this.#failed.length = 0;
    this.#next = 0;
  }
}
