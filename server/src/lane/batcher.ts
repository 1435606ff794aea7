import { type ErrorCode, SlipwayError, toSlipwayError } from '../errors.ts';
import type { Batching } from '../serving.ts';
import type { Frame } from '../tensor.ts';
import { AllOf, cancelled, type Waiting } from '../waiting.ts';
import { type Arm, enter, leave } from './arm.ts';
import { ask } from './ask.ts';
import { BatchQueue, type Queued } from './batch-queue.ts';
import { mergedFrame } from './merged-frame.ts';
import { ownTexts } from './own-texts.ts';

/** One request that may be merged with others. Exactly one of `done` and `failed` is called. */
export interface Call extends Queued {
  frame: Frame;
  /** Its caller: not worked for once that has gone. */
  waiting: Waiting;
  /** `answers` and `texts`: this request's rows, valid until it returns. Times in ms: `waited` before, `inferred` in the model. */
  done(answers: Float64Array, texts: string[], waited: number, inferred: number): void;
  failed(thrown: unknown): void;
}

interface Parts {
  /** A call of the model has answered so many rows, in so many ms. */
  onExecuted(arm: Arm, rows: number, milliseconds: number): void;
  /** All requests of a call are settled. */
  onSettled(): void;
}

/** Requests that wait for one version, at most. */
const mostWaiting = 1000;

/** What may be a single row's fault, so that the others' are asked again without it. */
const ofRows: ReadonlySet<ErrorCode> = new Set([
  'PREDICTION_FAILED',
  'ROW_REFUSED',
  'INTERNAL',
  'FEATURE_MISTYPED',
  'UPSTREAM_REFUSED',
]);

/**
 * Merges requests for one arm into calls of its model. It looks at what waits at the end of a turn of the event loop,
 * so that all that the turn has read goes together; a library in this process takes one call at a time, and what comes
 * meanwhile makes the next (docs/adr/0017-batching.md).
 */
export class Batcher {
  readonly #arm: Arm;
  readonly #parts: Parts;
  #batching: Batching;
  readonly #queue: BatchQueue<Call>;
  readonly #atOnce: number;
  #running = 0;
  #isLooking = false;
  #timer: NodeJS.Timeout | null = null;

  constructor(arm: Arm, batching: Batching, parts: Parts) {
    this.#arm = arm;
    this.#parts = parts;
    this.#batching = batching;
    this.#queue = new BatchQueue(bounded(batching, arm));
    this.#atOnce = arm.callsAtOnce;
  }

  /** `batching`: how it is done from now on. */
  add(call: Call, batching: Batching): void {
    if (batching !== this.#batching) {
      this.#batching = batching;
      this.#queue.batching = bounded(batching, this.#arm);
    }
    if (this.#queue.length >= mostWaiting) {
      call.failed(
        new SlipwayError(
          'OVERLOADED',
          `${mostWaiting} requests wait for it, more than it can answer in time.`,
        ),
      );
      return;
    }
    enter(this.#arm);
    this.#queue.add(call);
    this.#lookSoon();
  }

  #lookSoon(): void {
    if (this.#isLooking) return;
    this.#isLooking = true;
    setImmediate(this.#look);
  }

  readonly #look = (): void => {
    this.#isLooking = false;
    if (this.#timer) clearTimeout(this.#timer);
    this.#timer = null;
    const now = performance.now();
    for (const late of this.#queue.expired(now)) this.#settle(late, () => late.failed(tooLate(late, now)));
    let wait = Number.POSITIVE_INFINITY;
    while (this.#running < this.#atOnce && this.#queue.length > 0) {
      const next = this.#queue.take(now);
      if (next.batch.length > 0) {
        const batch = this.#waitedFor(next.batch);
        for (const { waiting, since } of batch) waiting.span?.begin('queue', since).end(performance.now());
        this.#run(batch);
      } else {
        wait = next.wait;
        break;
      }
    }
    // Who waits too long is told so, whether or not the model comes back.
    wait = Math.min(wait, this.#queue.soonest - now);
    if (wait < Number.POSITIVE_INFINITY) this.#timer = setTimeout(this.#look, Math.ceil(wait));
  };

  #waitedFor(batch: Call[]): Call[] {
    const gone = batch.filter(({ waiting }) => waiting.cancellation.cancelled);
    for (const call of gone) this.#settle(call, () => call.failed(cancelled()));
    return gone.length === 0 ? batch : batch.filter((call) => !gone.includes(call));
  }

  #run(batch: Call[]): void {
    if (batch.length === 0) return;
    const arm = this.#arm;
    const frame = mergedFrame(
      batch.map((call) => call.frame),
      arm.version.signature,
    );
    const answers = new Float64Array(frame.rows * arm.width);
    const texts: string[] = [];
    const started = performance.now();
    this.#running++;
    const spans = batch.flatMap(({ waiting }) => waiting.span ?? []);
    const answered = (): void => {
      const inferred = performance.now() - started;
      this.#parts.onExecuted(arm, frame.rows, inferred);
      let from = 0;
      for (const call of batch) {
        const own = answers.subarray(from, from + call.rows * arm.width);
        from += own.length;
        const ownOf = batch.length === 1 ? texts : ownTexts(arm.version.signature, own, arm.width, texts);
        this.#settle(call, () => call.done(own, ownOf, started - call.since, inferred));
      }
      this.#ended();
    };
    const failed = (thrown: unknown): void => {
      if (batch.length > 1 && ofRows.has(toSlipwayError(thrown).code)) {
        for (const call of batch) this.#run([call]);
      } else for (const call of batch) this.#settle(call, () => call.failed(thrown));
      this.#ended();
    };
    ask(arm, frame, answers, texts, waitingFor(batch), answered, failed, spans.slice(1));
  }

  /** What goes wrong with one request's answer is its own. */
  #settle(call: Call, settle: () => void): void {
    try {
      settle();
    } catch (thrown) {
      call.failed(thrown);
    }
    leave(this.#arm);
  }

  #ended(): void {
    this.#running--;
    this.#parts.onSettled();
    if (this.#queue.length > 0) this.#lookSoon();
  }
}

/** A call is waited for as long as anybody waits for it. It can be part of one trace only: of one that is recorded. */
function waitingFor(batch: Call[]): Waiting {
  if (batch.length === 1) return batch[0]!.waiting;
  const { trace, span } = (batch.find(({ waiting }) => waiting.span) ?? batch[0]!).waiting;
  const deadline = Math.max(...batch.map(({ waiting }) => waiting.deadline));
  return { deadline, trace, span, cancellation: new AllOf(batch.map(({ waiting }) => waiting.cancellation)) };
}

/** A batch holds a lane no longer than a request may. */
function bounded(batching: Batching, { mostRows }: Arm): Batching {
  const maxSize = Math.min(batching.maxSize, mostRows);
  const preferredSizes = batching.preferredSizes.filter((size) => size <= maxSize);
  return { ...batching, maxSize, preferredSizes };
}

function tooLate({ since }: Call, now: number): SlipwayError {
  return new SlipwayError(
    'TIMEOUT',
    `It waited ${Math.round(now - since)} ms for the model, longer than it may.`,
  );
}
