import { type ErrorCode, toSlipwayError } from '../errors.ts';
import type { PredictionEvent } from '../events.ts';
import type { Appender } from '../journal/appender.ts';
import { shadowMicroseconds } from '../placement.ts';
import type { Frame } from '../tensor.ts';
import { nobody } from '../waiting.ts';
import type { Arm } from './arm.ts';
import { ask } from './ask.ts';
import type { Meter } from './meter.ts';
import type { Seat } from './seat.ts';
import type { Turn } from './turn.ts';

/** Of the time that a slow row took too much, so much is forgiven a skipped row: a shadow of 100 ms runs once in thousands of rows. */
const forgivenMicroseconds = shadowMicroseconds / 10;
/** Rows waiting for their shadows; beyond it they are skipped and counted, so that memory stays bounded. */
const waitingLimit = 10_000;

interface Waiting {
  event: PredictionEvent;
  frame: Frame;
  arms: Arm[];
}

/** Lets shadow arms answer the same rows after the answer has left. Costs the client nothing, whatever happens here. */
export class ShadowQueue {
  readonly #appender: Appender;
  readonly #turn: Turn;
  readonly #meter: Meter;
  #waiting: Waiting[] = [];
  #rows = 0;

  constructor(appender: Appender, turn: Turn, meter: Meter) {
    this.#appender = appender;
    this.#turn = turn;
    this.#meter = meter;
  }

  add(event: PredictionEvent, frame: Frame, shadows: Seat[]): void {
    const { rows, model } = event;
    const arms: Arm[] = [];
    for (const { arm } of shadows)
      if (arm && arm.version.version !== event.version && this.#affords(arm, rows)) arms.push(arm);
    this.#meter.shadowSkipped(model, (shadows.length - arms.length) * rows);
    if (arms.length === 0) return;
    if (this.#rows + rows > waitingLimit) {
      this.#meter.shadowSkipped(model, rows * arms.length);
      return;
    }
    // The frame is used again for the next request.
    const copy: Frame = {
      rows,
      width: frame.width,
      values: frame.values.slice(0, rows * frame.width),
      texts: frame.texts.slice(),
    };
    if (this.#waiting.length === 0) setImmediate(() => setImmediate(this.flush));
    this.#waiting.push({ event, frame: copy, arms });
    this.#rows += rows;
  }

  /** Whether the gate, and what it took so far, let a shadow run in a lane. */
  #affords(arm: Arm, rows: number): boolean {
    // To wait for another process or machine costs this one nothing; how many wait is its own bound.
    if (arm.runs === 'elsewhere') return true;
    if (arm.version.microseconds > shadowMicroseconds) return false;
    // Slipway's own code takes what the gate measured; a longer time is the machine's.
    if (arm.runs === 'inline' || arm.debtMicroseconds <= 0) return true;
    arm.debtMicroseconds -= forgivenMicroseconds * rows;
    return false;
  }

  /** Runs one turn after the answers have left. */
  readonly flush = (): void => {
    const waiting = this.#waiting;
    this.#waiting = [];
    this.#rows = 0;
    for (const { event, frame, arms } of waiting) for (const arm of arms) this.#run(event, frame, arm);
  };

  #run(event: PredictionEvent, frame: Frame, arm: Arm): void {
    if (arm.retired) {
      this.#meter.shadowSkipped(event.model, frame.rows);
      return;
    }
    const answers = new Float64Array(frame.rows * arm.width);
    const answerTexts: string[] = [];
    const started = performance.now();
    const keep = (failure: string | null): void => {
      const latency = (performance.now() - started) * 1000;
      arm.debtMicroseconds = Math.max(0, arm.debtMicroseconds + latency - shadowMicroseconds * frame.rows);
      this.#appender.prediction({
        ...event,
        version: arm.version.version,
        update: arm.update,
        role: 'shadow',
        latency,
        features: noFeatures,
        values: noValues,
        texts: noFeatures,
        failure,
        answers: failure === null ? answers : noValues,
        answerTexts: failure === null ? answerTexts : noFeatures,
        imputed: 0,
      });
      this.#turn.add('serve', () => {});
    };
    const done = (): void => {
      keep(null);
      this.#meter.shadowRows(arm, frame.rows);
    };
    const failed = (thrown: unknown): void => {
      const { code } = toSlipwayError(thrown);
      // What has enough to do, is left alone for a while, or was not there in time was not asked at all.
      if (notAsked.has(code)) {
        this.#meter.shadowSkipped(event.model, frame.rows);
        return;
      }
      keep(code);
      this.#meter.shadowFailed(arm, frame.rows);
    };
    ask(arm, frame, answers, answerTexts, { ...nobody, deadline: started + arm.patienceMs }, done, failed);
  }
}

const notAsked: ReadonlySet<ErrorCode> = new Set([
  'OVERLOADED',
  'UPSTREAM_BUSY',
  'UPSTREAM_OPEN',
  'PYTHON_BUSY',
  'MODEL_LOADING',
]);
const noFeatures: string[] = [];
const noValues = new Float64Array(0);
