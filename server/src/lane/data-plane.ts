import { type ErrorCode, SlipwayError, toSlipwayError } from '../errors.ts';
import type { LabelEvent, Position, PredictionEvent, RequestId } from '../events.ts';
import type { Appender } from '../journal/appender.ts';
import { type IdSource, idText } from '../journal/id.ts';
import type { Batching } from '../serving.ts';
import type { ServedVersion } from '../snapshot.ts';
import { type Frame, newFrame } from '../tensor.ts';
import type { Span } from '../trace.ts';
import { type Cancellation, cancelled, type Waiting } from '../waiting.ts';
import { Admission } from './admission.ts';
import { contentKey, type Kept } from './answer-cache.ts';
import { type Arm, answersAtOnce, frameRows } from './arm.ts';
import { ask } from './ask.ts';
import { Batcher, type Call } from './batcher.ts';
import type { Caller } from './caller.ts';
import { Flight, mostFollowers } from './flight.ts';
import type { Meter } from './meter.ts';
import type { Served } from './served.ts';
import { ShadowQueue } from './shadow-queue.ts';
import { tooManySlices } from './slices.ts';
import { Turn } from './turn.ts';

/** A request's rows answered: what an edge encodes. Valid only until the callback returns. */
export interface Answered {
  arm: Arm;
  id: string;
  rows: number;
  answers: Float64Array;
  texts: string[];
  /** What the version's cache had to do with it, as the header Cache-Status says it (RFC 9211); null: there is none. */
  cacheStatus: string | null;
}

/** How an answer came about. Times in ms. */
interface Course {
  /** As `performance.now()`. */
  started: number;
  /** In a queue, and in the model. */
  waited: number;
  inferred: number;
  cacheStatus: string | null;
}

interface Parts {
  served: Served;
  appender: Appender;
  ids: IdSource;
  meter: Meter;
  /** ms since the epoch. */
  now: () => number;
  /** Called after each write with the position that it reached. */
  onWritten: (position: Position) => void;
}

/**
 * The data plane: predictions and labels, nothing else. Edges decode into it and encode what it answers;
 * nothing leaves before it is journaled, one write an event-loop turn.
 */
export class DataPlane {
  /** Asked by the edges before they look at a prediction's rows. */
  readonly admission = new Admission();
  readonly #parts: Parts;
  readonly #turn: Turn;
  readonly #shadows: ShadowQueue;
  readonly #batchers = new WeakMap<Arm, Batcher>();
  #answers = new Float64Array(64);
  readonly #texts: string[] = [];

  constructor(parts: Parts) {
    this.#parts = parts;
    this.#turn = new Turn(parts.appender, parts.onWritten, () => parts.meter.unjournaled++);
    this.#shadows = new ShadowQueue(parts.appender, this.#turn, parts.meter);
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
   * Answers a frame's rows. `encode` makes the response while the answers are fresh; `send` gets it, or the
   * error, once the record is written. Throws BODY_TOO_LARGE for more rows than a lane may be held for, TIMEOUT and
   * CANCELLED where nobody waits for them any more.
   */
  predict<T>(
    arm: Arm,
    frame: Frame,
    caller: Caller,
    encode: (answered: Answered) => T,
    send: (encoded: T | null, error: SlipwayError | null) => void,
  ): void {
    const started = performance.now();
    // The next request's rows are imputed while a model that does not answer at once still waits for its turn.
    const { imputed } = arm.encoder;
    arm.encoder.imputed = 0;
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
    const key = arm.cache && contentKey(frame);
    const kept = key === null ? null : (arm.cache?.find(key) ?? null);
    if (kept) {
      const took = performance.now() - started;
      this.#parts.meter.cached(arm, true, frame.rows, took);
      const course = { started, waited: 0, inferred: 0, cacheStatus: 'slipway; hit' };
      this.#answer(arm, frame, caller, kept.answers, kept.texts, imputed, course, encode, send);
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
          this.#answer(arm, frame, caller, answers, texts, imputed, course, encode, send);
        },
        again: () => {
          arm.encoder.imputed = imputed;
          this.predict(arm, frame, { ...caller, deadline }, encode, send);
        },
        failed: (thrown) => this.#fail(arm, thrown, send),
      });
      return;
    }
    const held = mayWait && arm.runs === 'runtime' ? { since: started + (batching?.maxDelayMs ?? 0) } : null;
    const done = (answers: Float64Array, texts: string[], waited: number, inferred: number): void => {
      if (held) this.admission.release(held);
      const cacheStatus = key === null ? null : this.#keep(arm, update, key, { answers, texts }, looked);
      flight?.land(answers, texts);
      const course = { started, waited, inferred, cacheStatus };
      this.#answer(arm, frame, caller, answers, texts, imputed, course, encode, send);
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

  #answer<T>(
    arm: Arm,
    frame: Frame,
    caller: Caller,
    answers: Float64Array,
    answerTexts: string[],
    imputed: number,
    { started, waited, inferred, cacheStatus }: Course,
    encode: (answered: Answered) => T,
    send: (encoded: T | null, error: SlipwayError | null) => void,
  ): void {
    const { served, appender, meter } = this.#parts;
    const now = this.#parts.now();
    const id = this.#parts.ids.next(now);
    const model = served.model(arm.model);
    const kept = arm.journaled.of(frame);
    const { rows } = frame;
    const event: PredictionEvent = {
      type: 'prediction',
      id,
      model: arm.model,
      version: arm.version.version,
      update: arm.update,
      snapshot: served.number,
      role: 'live',
      propensity: 1,
      rollout: model?.manifest.rollout?.id ?? null,
      subject: caller.subject,
      key: caller.key,
      trace: caller.trace?.id ?? null,
      at: caller.at ?? now,
      latency: inferred * 1000,
      rows,
      features: arm.journaled.names,
      values: kept.values,
      texts: kept.texts,
      failure: null,
      answers,
      answerTexts,
      imputed,
    };
    meter.imputed(arm.model, imputed);
    appender.prediction(event);
    const encoded = encode({ arm, id: idText(id), rows, answers, texts: answerTexts, cacheStatus });
    const begun = caller.span ? performance.now() : 0;
    caller.span?.set({ 'slipway.prediction': idText(id) });
    if (model && model.shadows.length > 0) this.#shadows.add(event, frame, model.shadows);
    this.#turn.add(model?.manifest.failedWrite ?? 'refuse', (_position, error) => {
      caller.span?.begin('journal', begun).end(performance.now(), error?.code);
      if (error) meter.error(arm, error.code);
      else meter.answered(arm, rows, performance.now() - started, inferred, waited, now);
      send(error ? null : encoded, error);
    });
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
