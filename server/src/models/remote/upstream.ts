import { SlipwayError } from '../../errors.ts';
import type { GivenTensor } from '../../oip/tensors.ts';
import type { TensorSpec } from '../../signature.ts';
import type { Frame } from '../../tensor.ts';
import type { Trouble } from '../../trouble.ts';
import type { UpstreamCounts } from '../../upstream-counts.ts';
import type { Listener } from '../model.ts';
import { type Asker, Bound } from './bound.ts';
import { Circuit } from './circuit.ts';
import { ConcurrencyLimit } from './concurrency-limit.ts';
import { Failure } from './failure.ts';
import { type Call, mostAnswerBytes, type Protocol } from './protocol.ts';
import { RetryBudget } from './retry-budget.ts';
import { filledHeaders, isGrpc, type RemoteProgram } from './settings.ts';

/** Bytes of requests at once: rows wait in memory until they are answered. */
const mostBytesAtOnce = 64 * 2 ** 20;

const noAsker: Asker = { deadline: Number.POSITIVE_INFINITY, trace: null, gone: null };

/**
 * One upstream, asked within bounds: of time (`timeoutMs` for a request with its retry, or what is left to its caller),
 * of requests at once (as many as its latency shows that it works on) and bytes, of the answer's length, of retries (one, within the budget, where a connection broke or
 * the upstream is unavailable: inference changes nothing there), and by a circuit that leaves an upstream alone that keeps
 * failing. What its callers cut short says nothing of the upstream.
 */
export class Upstream {
  readonly counts: UpstreamCounts = { answered: 0, failed: 0, abandoned: 0, retried: 0, opened: 0 };
  readonly #program: RemoteProgram;
  readonly #protocol: Protocol;
  readonly #circuit = new Circuit();
  readonly #budget = new RetryBudget();
  readonly #limit: ConcurrencyLimit;
  #listener: Listener | null = null;
  #atOnce = 0;
  #bytesAtOnce = 0;

  private constructor(program: RemoteProgram, protocol: Protocol) {
    this.#program = program;
    this.#limit = new ConcurrencyLimit(program.concurrency);
    this.#protocol = protocol;
  }

  /** Asks nothing yet. Only the client that is needed is loaded. */
  static async of(program: RemoteProgram): Promise<Upstream> {
    const protocol = isGrpc(program.url)
      ? new (await import('./grpc.ts')).Grpc(program)
      : new (await import('./rest.ts')).Rest(program);
    return new Upstream(program, protocol);
  }

  /** What `read` makes of what the server says of itself; what it throws says what is wrong. Rejects with UPSTREAM_*. */
  server<T>(read: (value: unknown) => T): Promise<T> {
    return this.#ask(0, noAsker, mostAnswerBytes, async (call) => read(await this.#protocol.server(call)));
  }

  /** The same of the model's metadata. */
  metadata<T>(read: (value: unknown) => T): Promise<T> {
    return this.#ask(0, noAsker, mostAnswerBytes, async (call) => read(await this.#protocol.metadata(call)));
  }

  /**
   * What `read` makes of the answer to a frame's rows, which has at most `mostBytes`. Rejects with UPSTREAM_*,
   * FEATURE_MISTYPED, and with TIMEOUT or CANCELLED where its asker does not wait any more.
   */
  async infer<T>(
    inputs: TensorSpec[],
    frame: Frame,
    outputs: string[] | null,
    mostBytes: number,
    read: (given: GivenTensor[]) => T,
    asker: Asker = noAsker,
  ): Promise<T> {
    const message = this.#protocol.write(inputs, frame, outputs);
    return this.#ask(message.bytes.length, asker, mostBytes, async (call) => {
      const started = performance.now();
      const given = await this.#protocol.infer(message, call);
      const now = performance.now();
      this.#limit.answered(now, now - started, this.#atOnce);
      return read(given);
    });
  }

  /** Hears when the circuit opens, and when it closes again. */
  listen(listener: Listener): void {
    this.#listener = listener;
  }

  /** What is still waited for is cut off. */
  async close(): Promise<void> {
    await this.#protocol.close();
    this.#listener?.end();
  }

  async #ask<T>(
    bytes: number,
    asker: Asker,
    mostBytes: number,
    make: (call: Call) => Promise<T>,
  ): Promise<T> {
    const { timeoutMs } = this.#program;
    if (this.#atOnce >= this.#limit.value || this.#bytesAtOnce + bytes > mostBytesAtOnce) {
      throw new SlipwayError('UPSTREAM_BUSY', `Its upstream has ${this.#atOnce} requests to answer already.`);
    }
    const bound = new Bound(asker, timeoutMs);
    this.#atOnce++;
    this.#bytesAtOnce += bytes;
    try {
      this.#budget.earn();
      const one = (): Promise<T> => this.#try(bound, mostBytes, make);
      return await one().catch((thrown: unknown) => {
        const mayBeSentAgain = thrown instanceof Failure && thrown.kind === 'lost' && !bound.signal.aborted;
        if (!mayBeSentAgain || !this.#budget.spend()) throw thrown;
        this.counts.retried++;
        return one();
      });
    } catch (thrown) {
      throw thrown instanceof Failure ? thrown.error : thrown;
    } finally {
      this.#atOnce--;
      this.#bytesAtOnce -= bytes;
    }
  }

  async #try<T>(bound: Bound, mostBytes: number, make: (call: Call) => Promise<T>): Promise<T> {
    const headers = { ...filledHeaders(this.#program.headers, process.env), ...bound.headers };
    const ticket = this.#circuit.enter(performance.now());
    if (ticket === null) throw new SlipwayError('UPSTREAM_OPEN', 'Its upstream kept failing.');
    let outcome: 'answered' | 'failed' | 'abandoned' = 'failed';
    let said = '';
    try {
      const value = await make({ headers, signal: bound.signal, leftMs: bound.leftMs, mostBytes });
      outcome = 'answered';
      return value;
    } catch (thrown) {
      const abandoned = bound.abandoned(thrown);
      // An upstream that refuses rows is up: that is no failure of its own.
      if (abandoned) outcome = 'abandoned';
      else if (thrown instanceof Failure && thrown.kind === 'refused') outcome = 'answered';
      const failure = bound.failure(thrown);
      if (!abandoned && failure.kind === 'late') this.#limit.late(performance.now(), this.#atOnce);
      said = failure.message;
      throw abandoned ?? failure;
    } finally {
      const wasOpen = this.#circuit.isOpen;
      this.#circuit.leave(ticket, outcome === 'abandoned' ? null : outcome === 'failed', performance.now());
      this.counts[outcome]++;
      this.counts.opened = this.#circuit.opened;
      const { isOpen } = this.#circuit;
      if (isOpen !== wasOpen) this.#listener?.trouble(isOpen ? leftAlone(said) : null);
    }
  }
}

function leftAlone(last: string): Trouble {
  return {
    level: 'act',
    message: `Its upstream is left alone, because it kept failing. The last time: ${last}`,
    hint: 'See the upstream’s own log, or roll back. It is asked again every few seconds while requests come, until it answers.',
  };
}
