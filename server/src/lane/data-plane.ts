import { type ErrorCode, SlipwayError, toSlipwayError } from '../errors.ts';
import type { LabelEvent, Position, RequestId } from '../events.ts';
import type { Batching } from '../serving.ts';
import type { ServedVersion } from '../snapshot.ts';
import { type Frame, newFrame } from '../tensor.ts';
import type { Span } from '../trace.ts';
import { type Cancellation, cancelled, type Waiting } from '../waiting.ts';
import type { Admission } from './admission.ts';
import { contentKey, type Kept } from './answer-cache.ts';
import { Answering, type AnsweringParts, type Asked, isLong } from './answering.ts';
import { type Arm, answersAtOnce, frameRows } from './arm.ts';
import { ask } from './ask.ts';
import { Batcher, type Call } from './batcher.ts';
import { Flight, mostFollowers } from './flight.ts';
import { ShadowQueue } from './shadow-queue.ts';
import type { SideThread } from './side-thread.ts';
import { tooManySlices } from './slices.ts';
import { Turn } from './turn.ts';

interface Parts extends AnsweringParts {
  admission: Admission;
  /** Called after each write with the position that it reached. */
  onWritten: (position: Position) => void;
}

/**
 * The data plane: predictions and labels, nothing else. Edges decode into it and encode what it answers;
 * nothing leaves before it is journaled, one write an event-loop turn.
 */
export class DataPlane {
  /** Asked by the edges before they look at a prediction's rows. */
  readonly admission: Admission;
  /** Where edges have large requests read and large answers written. */
  readonly side: SideThread;
  readonly #parts: Parts;
  readonly #turn: Turn;
  readonly #shadows: ShadowQueue;
  readonly #answering: Answering;
  readonly #batchers = new WeakMap<Arm, Batcher>();
  #answers = new Float64Array(64);
  readonly #texts: string[] = [];

  constructor(parts: Parts) {
    this.#parts = parts;
    this.admission = parts.admission;
    this.side = parts.side;
    this.#turn = new Turn(parts.appender, parts.onWritten, () => parts.meter.unjournaled++);
    this.#shadows = new ShadowQueue(parts.appender, this.#turn, parts.meter);
    this.#answering = new Answering(parts, this.#turn, this.#shadows);
  }

  /** What is served as a model's live version, or as one that was asked for by number. */
  version(model: string, version: number | null = null): ServedVersion {
    return this.#parts.served.version(model, version);
  }

  /** The arm that answers callers; null: call `whenAttached`. */
  route(model: string, version: number | null = null): Arm | null {
    return this.#parts.served.route(model, version);
  }

  /** Has the version attached, and then the same tried `again`; what either throws is told to `failed`. `span`: who waits. */
  whenAttached(
    model: string,
    version: number | null,
    span: Span | null,
    again: () => void,
    failed: (thrown: unknown) => void,
  ): void {
    const waiting = span?.begin('attach', performance.now(), { attributes: { 'slipway.model': model } });
    const ended = (error?: string): void => waiting?.end(performance.now(), error);
    this.#parts.served
      .attach(model, version)
      .then(
        () => ended(),
        (thrown) => {
          ended(toSlipwayError(thrown).code);
          throw thrown;
        },
      )
      .then(again)
      .catch(failed);
  }

  /**
   * Answers a frame's rows. Throws BODY_TOO_LARGE for more rows than a lane may be held for, TIMEOUT and CANCELLED where
   * nobody waits for them any more.
   */
  predict<T>(asked: Asked<T>): void {
    const { arm, frame, caller, send } = asked;
    const started = performance.now();
    caller.span?.set({
      'slipway.model': arm.model,
      'slipway.version': arm.version.version,
      'slipway.rows': frame.rows,
    });
    if (caller.cancellation.cancelled) throw cancelled();
    if (started > caller.deadline)
      throw new SlipwayError('TIMEOUT', 'Its deadline had passed before it was looked at.');
    if (frame.rows > arm.mostRows) throw tooManyRows(arm, frame.rows);
    const needed = frame.rows * arm.width;
    // To look for very many rows takes as long as to make their record.
    const isCached = arm.cache !== null && !isLong(arm, frame);
    const key = isCached ? contentKey(frame) : null;
    const kept = key === null ? null : (arm.cache?.find(key) ?? null);
    if (kept) {
      const took = performance.now() - started;
      this.#parts.meter.cached(arm, true, frame.rows, took);
      const course = { started, waited: 0, inferred: 0, cacheStatus: 'slipway; hit' };
      this.#answering.answer(asked, kept.answers, kept.texts, course);
      return;
    }
    const looked = performance.now() - started;
    const { update } = arm;
    const { batching } = arm.serving;
    const mayWait = !answersAtOnce(arm, frame.rows);
    const ahead = key === null || !mayWait ? null : (arm.cache?.flights.get(key) ?? null);
    if (ahead && !ahead.cancelled) {
      if (ahead.size >= mostFollowers) throw this.admission.refuses();
      const waiting = patient(caller, started + arm.patienceMs, caller.cancellation);
      const { deadline } = waiting;
      ahead.join({
        waiting,
        done: (answers, texts) => {
          const waited = performance.now() - started;
          caller.span?.begin('queue', started).end(started + waited);
          this.#parts.meter.cached(arm, true, frame.rows, looked);
          const course = { started, waited, inferred: 0, cacheStatus: 'slipway; fwd=miss; collapsed' };
          this.#answering.answer(asked, answers, texts, course);
        },
        again: () => {
          this.predict({ ...asked, caller: { ...caller, deadline } });
        },
        failed: (thrown) => this.#fail(arm, thrown, send),
      });
      return;
    }
    const bypassed = arm.cache ? 'slipway; fwd=bypass' : null;
    const held = mayWait && arm.runs === 'runtime' ? { since: started + (batching?.maxDelayMs ?? 0) } : null;
    const done = (answers: Float64Array, texts: string[], waited: number, inferred: number): void => {
      if (held) this.admission.release(held);
      const cacheStatus = key === null ? bypassed : this.#keep(arm, update, key, { answers, texts }, looked);
      flight?.land(answers, texts);
      const course = { started, waited, inferred, cacheStatus };
      this.#answering.answer(asked, answers, texts, course);
    };
    const failed = (thrown: unknown): void => {
      if (held) this.admission.release(held);
      this.#fail(arm, thrown, send);
      flight?.fail(thrown);
    };
    if (frame.rows > arm.sliceRows && tooManySlices()) throw this.admission.refuses();
    if (held) this.admission.hold(held);
    const { cancellation } = caller;
    const flight =
      key !== null && mayWait && arm.cache ? new Flight(arm, arm.cache, key, cancellation) : null;
    const waiting = mayWait ? patient(caller, started + arm.patienceMs, flight ?? cancellation) : caller;
    if (mayWait && batching) {
      const patience = batching.queueTimeoutMs ?? arm.patienceMs;
      const call: Call = {
        frame,
        rows: frame.rows,
        priority: caller.priority,
        since: started,
        deadline: Math.min(caller.deadline, started + patience),
        waiting,
        done,
        failed,
      };
      this.#batcherOf(arm, batching).add(call, batching);
      return;
    }
    // Models that answer at once do so before the next request is looked at, so they share one buffer.
    if (!mayWait && this.#answers.length < needed) this.#answers = new Float64Array(needed);
    const answers = mayWait ? new Float64Array(needed) : this.#answers.subarray(0, needed);
    const texts = mayWait ? [] : this.#texts;
    texts.length = 0;
    const answered = (): void => {
      const inferred = performance.now() - started;
      this.#parts.meter.executed(arm, frame.rows, inferred);
      done(answers, texts, 0, inferred);
    };
    ask(arm, frame, answers, texts, waiting, answered, failed);
  }

  /** Takes labels in; `send` is called once they are written, with the position that holds them all. */
  label(events: LabelEvent[], send: (position: Position | null, error: SlipwayError | null) => void): void {
    for (const event of events) this.#parts.appender.label(event);
    this.#parts.meter.labels += events.length;
    this.#turn.add('refuse', (position, error) => send(position, error));
  }

  /** A frame for a request's rows: one that is used again for models that answer at once. */
  frame(arm: Arm, rows: number): Frame {
    if (!answersAtOnce(arm, rows) || rows > frameRows) {
      return newFrame(rows, arm.version.signature.features.length);
    }
    arm.frame.rows = rows;
    arm.frame.texts.length = 0;
    return arm.frame;
  }

  newId(): RequestId {
    return this.#parts.ids.next(this.#parts.now());
  }

  now(): number {
    return this.#parts.now();
  }

  /** Nothing is left unwritten or unsent. */
  flush(): void {
    this.#turn.flush();
    this.#shadows.flush();
  }

  error(arm: Arm, code: ErrorCode): void {
    this.#parts.meter.error(arm, code);
  }

  #fail(arm: Arm, thrown: unknown, send: (encoded: null, error: SlipwayError) => void): void {
    const error = failureOf(arm, toSlipwayError(thrown));
    this.#parts.meter.error(arm, error.code);
    send(null, error);
  }

  /** Keeps an answer for the next that asks the same, unless the learner has moved on meanwhile. */
  #keep(arm: Arm, update: number, key: string, answered: Kept, looked: number): string {
    const begun = performance.now();
    const isStored = arm.update === update && (arm.cache?.keep(key, answered) ?? false);
    this.#parts.meter.cached(arm, false, 0, looked + performance.now() - begun);
    return isStored ? 'slipway; fwd=miss; stored' : 'slipway; fwd=miss';
  }

  #batcherOf(arm: Arm, batching: Batching): Batcher {
    let batcher = this.#batchers.get(arm);
    if (!batcher) {
      const { meter } = this.#parts;
      batcher = new Batcher(arm, batching, {
        onExecuted: (...execution) => meter.executed(...execution),
        // The turn's poll phase is over: waiting for the next turn's would only make the answers later.
        onSettled: () => this.#turn.flush(),
      });
      this.#batchers.set(arm, batcher);
    }
    return batcher;
  }
}

/** Who waits, and no longer than until `deadline`, and until nobody does by `cancellation`. */
function patient(
  { deadline: own, trace, span }: Waiting,
  deadline: number,
  cancellation: Cancellation,
): Waiting {
  return { deadline: Math.min(own, deadline), trace, span, cancellation };
}

/** A coded error keeps its code: the model knew what went wrong. */
function failureOf({ model, version }: Arm, { code, message, hint }: SlipwayError): SlipwayError {
  const said = `Version ${version.version} of "${model}" failed on this request: ${message}`;
  return code === 'INTERNAL'
    ? new SlipwayError('PREDICTION_FAILED', said)
    : new SlipwayError(code, said, hint);
}

function tooManyRows(arm: Arm, rows: number): SlipwayError {
  return new SlipwayError(
    'BODY_TOO_LARGE',
    `${rows} rows are too many at once: version ${arm.version.version} of "${arm.model}" takes up to ${arm.mostRows} a request.`,
  );
}
