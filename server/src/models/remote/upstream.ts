import { SlipwayError } from '../../errors.ts';
import { isObject, parseJson } from '../../json.ts';
import { shown } from '../../shown.ts';
import type { UpstreamCounts } from '../../upstream-counts.ts';
import { Circuit } from './circuit.ts';
import { AnswerTooLong, Connection, type UpstreamAnswer } from './connection.ts';
import { RetryBudget } from './retry-budget.ts';
import { filledHeaders, type RemoteSettings } from './settings.ts';

/** Bytes of requests at once: rows wait in memory until they are answered. */
const mostBytesAtOnce = 64 * 2 ** 20;

/** Why a try came to nothing. `again`: whether the same request may be sent once more. */
class Failure extends Error {
  readonly error: SlipwayError;
  readonly again: boolean;

  constructor(error: SlipwayError, again: boolean) {
    super(error.message);
    this.error = error;
    this.again = again;
  }
}

/**
 * One upstream, asked within bounds: of time (`timeoutMs` for all of a request), of requests and bytes at once, of the
 * answer's length, of retries (one, within the budget, where a connection broke or the upstream said 503: inference
 * changes nothing there), and by a circuit that leaves an upstream alone that keeps failing.
 */
export class Upstream {
  readonly counts: UpstreamCounts = { answered: 0, failed: 0, retried: 0, opened: 0 };
  readonly #settings: RemoteSettings;
  readonly #connection: Connection;
  readonly #circuit = new Circuit();
  readonly #budget = new RetryBudget();
  readonly #path: string;
  #atOnce = 0;
  #bytesAtOnce = 0;

  constructor(settings: RemoteSettings) {
    this.#settings = settings;
    this.#connection = new Connection(settings);
    const { model, version } = settings;
    const versions = version === null ? '' : `/versions/${encodeURIComponent(version)}`;
    this.#path = `/v2/models/${encodeURIComponent(model)}${versions}`;
  }

  /**
   * What `read` makes of the answer's JSON, of at most `mostBytes`; what it throws means that the upstream did not do as
   * was agreed. `body` null: asks for metadata. Rejects with UPSTREAM_*.
   */
  async ask<T>(body: string | null, mostBytes: number, read: (answer: unknown) => T): Promise<T> {
    const bytes = body?.length ?? 0;
    const { concurrency, timeoutMs } = this.#settings;
    if (this.#atOnce >= concurrency || this.#bytesAtOnce + bytes > mostBytesAtOnce) {
      throw new SlipwayError('UPSTREAM_BUSY', `Its upstream has ${this.#atOnce} requests to answer already.`);
    }
    this.#atOnce++;
    this.#bytesAtOnce += bytes;
    try {
      const signal = AbortSignal.timeout(timeoutMs);
      this.#budget.earn();
      const one = (): Promise<T> => this.#try(body, signal, mostBytes, read);
      return await one().catch((failure: Failure) => {
        if (!failure.again || signal.aborted || !this.#budget.spend()) throw failure;
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

  close(): Promise<void> {
    return this.#connection.close();
  }

  async #try<T>(
    body: string | null,
    signal: AbortSignal,
    mostBytes: number,
    read: (answer: unknown) => T,
  ): Promise<T> {
    const headers = filledHeaders(this.#settings.headers, process.env);
    const ticket = this.#circuit.enter(performance.now());
    if (ticket === null)
      throw new Failure(new SlipwayError('UPSTREAM_OPEN', 'Its upstream kept failing.'), false);
    let failed = true;
    try {
      const path = body === null ? this.#path : `${this.#path}/infer`;
      const answer = await this.#connection
        .send(path, body, headers, signal, mostBytes)
        .catch((error: unknown) => {
          throw this.#notAnswered(error, signal);
        });
      // An upstream that refuses rows is up: that is no failure of its own.
      failed = ![400, 413, 422].includes(answer.status);
      const value = parsed(answer, read);
      failed = false;
      return value;
    } finally {
      this.#circuit.leave(ticket, failed, performance.now());
      this.counts[failed ? 'failed' : 'answered']++;
      this.counts.opened = this.#circuit.opened;
    }
  }

  #notAnswered(error: unknown, signal: AbortSignal): Failure {
    const { timeoutMs, connectMs } = this.#settings;
    if (signal.aborted) return timedOut(`Its upstream did not answer within ${timeoutMs} ms.`);
    if (error instanceof AnswerTooLong) return failure(`Its upstream gave ${error.message}.`);
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'UND_ERR_CONNECT_TIMEOUT')
      return timedOut(`Its upstream did not take a connection within ${connectMs} ms.`);
    return failure(`The connection to its upstream failed: ${reasonOf(error)}.`, true);
  }
}

/** The answer as `read` takes it. Throws a Failure. */
function parsed<T>({ status, body }: UpstreamAnswer, read: (answer: unknown) => T): T {
  let value: unknown;
  try {
    value = parseJson(body, true);
  } catch {
    value = undefined;
  }
  if (status === 400 || status === 413 || status === 422) {
    const message = `Its upstream refused the rows (${status})${saidBy(value)}.`;
    throw new Failure(new SlipwayError('UPSTREAM_REFUSED', message), false);
  }
  if (status !== 200) throw failure(`Its upstream answered ${status}${saidBy(value)}.`, status === 503);
  if (value === undefined) throw failure('Its upstream’s answer is not JSON.');
  try {
    return read(value);
  } catch (error) {
    throw failure(`Its upstream’s answer is not as was agreed: ${(error as Error).message}`);
  }
}

/** The protocol's `{"error": "…"}`, short. */
function saidBy(value: unknown): string {
  return isObject(value) && typeof value.error === 'string' ? `: ${shown(value.error)}` : '';
}

/** A connection that is tried at several addresses fails with an error for each. */
function reasonOf(error: unknown): string {
  const { code, errors, message } = error as NodeJS.ErrnoException & { errors?: unknown[] };
  return code ?? (errors?.[0] ? reasonOf(errors[0]) : message);
}

function failure(message: string, again = false): Failure {
  return new Failure(new SlipwayError('UPSTREAM_FAILED', message), again);
}

function timedOut(message: string): Failure {
  return new Failure(new SlipwayError('UPSTREAM_TIMEOUT', message), false);
}
