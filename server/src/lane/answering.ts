import { type SlipwayError, toSlipwayError } from '../errors.ts';
import type { PredictionEvent } from '../events.ts';
import type { Appender } from '../journal/appender.ts';
import { type IdSource, idText } from '../journal/id.ts';
import type { PackedRows } from '../journal/record-writer.ts';
import type { RowsFile } from '../journal/rows-file.ts';
import type { Frame } from '../tensor.ts';
import type { Arm } from './arm.ts';
import type { Caller } from './caller.ts';
import type { Meter } from './meter.ts';
import type { Served } from './served.ts';
import type { ShadowQueue } from './shadow-queue.ts';
import type { SideThread } from './side-thread.ts';
import type { PackedBack, RowsToPack } from './side-work.ts';
import type { Turn } from './turn.ts';

/** A request's rows to be answered. */
export interface Asked<T> {
  arm: Arm;
  frame: Frame;
  /** Values of the frame that the version's policy has put in. */
  imputed: number;
  caller: Caller;
  /** Makes the response while the answers are fresh; of very many, later. */
  encode: (answered: Answered) => T | Promise<T>;
  /** Gets it, or the error, once the record is written. */
  send: (encoded: T | null, error: SlipwayError | null) => void;
}

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
export interface Course {
  /** As `performance.now()`. */
  started: number;
  /** In a queue, and in the model. */
  waited: number;
  inferred: number;
  cacheStatus: string | null;
}

export interface AnsweringParts {
  served: Served;
  appender: Appender;
  ids: IdSource;
  meter: Meter;
  side: SideThread;
  /** ms since the epoch. */
  now: () => number;
}

/** The record of so many bytes takes 1 to 2 ms to be made: larger ones are the side thread's. */
const longBytes = 512 * 1024;
/** A hashed value takes as long as so many bytes. */
const hashBytes = 512;

/** So many numbers and ids are written in 1 to 2 ms. */
const longAnswer = 4096;

/** A record of more bytes is written beside the event loop, too. */
const longRecord = 2 << 20;

/** Whether a request's rows are so many that to keep them would hold everybody else up. */
export function isLong({ width, journaled }: Arm, frame: Frame): boolean {
  let bytes = frame.rows * (8 * (frame.width + width) + hashBytes * journaled.hashes);
  for (const text of frame.texts) bytes += text.length;
  return bytes > longBytes;
}

/** Whether to write the answer would. */
export function isLongAnswer({ width }: Arm, rows: number): boolean {
  return rows * (1 + width) > longAnswer;
}

/** Keeps what a model has answered, and lets the answer leave once it is kept. */
export class Answering {
  readonly #parts: AnsweringParts;
  readonly #turn: Turn;
  readonly #shadows: ShadowQueue;

  constructor(parts: AnsweringParts, turn: Turn, shadows: ShadowQueue) {
    this.#parts = parts;
    this.#turn = turn;
    this.#shadows = shadows;
  }

  answer<T>(asked: Asked<T>, answers: Float64Array, texts: string[], course: Course): void {
    const { arm, frame } = asked;
    const event = this.#event(asked, course);
    if (isLong(arm, frame)) {
      void this.#answerLong(asked, event, answers.slice(), texts.slice(), course);
      return;
    }
    const kept = arm.journaled.of(frame);
    event.values = kept.values;
    event.texts = kept.texts;
    event.answers = answers;
    event.answerTexts = texts;
    this.#keep(asked, event, null, course);
  }

  /** The same where its record takes long to be made. Its place in the journal is where it is written. */
  async #answerLong<T>(
    asked: Asked<T>,
    event: PredictionEvent,
    answers: Float64Array<ArrayBuffer>,
    texts: string[],
    course: Course,
  ): Promise<void> {
    const { arm, frame, send } = asked;
    try {
      // The one that small requests share is not given away.
      const values = frame === arm.frame ? frame.values.slice() : (frame.values as Float64Array<ArrayBuffer>);
      const bytes = 8 * (values.length + answers.length);
      const file = bytes > longRecord ? this.#parts.appender.rowsFile(event) : null;
      const given: RowsToPack = { frame: { ...frame, values }, answers, texts, file };
      const buffers = [values.buffer, answers.buffer];
      const back = await this.#parts.side.finish<PackedBack>('pack', arm, given, buffers);
      event.answers = back.answers;
      event.answerTexts = texts;
      this.#keep({ ...asked, frame: { ...frame, values: back.values } }, event, { ...back, file }, course);
    } catch (thrown) {
      const error = toSlipwayError(thrown);
      this.#parts.meter.error(arm, error.code);
      send(null, error);
    }
  }

  /** As it is when the model has answered; its rows, id and time come when it is kept. */
  #event<T>({ arm, frame, imputed, caller }: Asked<T>, { inferred }: Course): PredictionEvent {
    const { served } = this.#parts;
    return {
      type: 'prediction',
      id: noId,
      model: arm.model,
      version: arm.version.version,
      update: arm.update,
      snapshot: served.number,
      role: 'live',
      propensity: 1,
      rollout: served.model(arm.model)?.manifest.rollout?.id ?? null,
      subject: caller.subject,
      key: caller.key,
      trace: caller.trace?.id ?? null,
      at: 0,
      latency: inferred * 1000,
      rows: frame.rows,
      features: arm.journaled.names,
      values: noValues,
      texts: noTexts,
      failure: null,
      answers: noValues,
      answerTexts: noTexts,
      imputed,
    };
  }

  #keep<T>(
    { arm, frame, imputed, caller, encode, send }: Asked<T>,
    event: PredictionEvent,
    made: { packed: PackedRows; file: RowsFile | null } | null,
    { started, waited, inferred, cacheStatus }: Course,
  ): void {
    const { served, appender, meter, ids } = this.#parts;
    // It begins a segment: what has gathered is the last of the one before.
    const begins = made?.file && !made.packed.bytes;
    if (begins) this.#turn.flush();
    const now = this.#parts.now();
    const model = served.model(arm.model);
    const { rows, answers, answerTexts } = event;
    event.id = ids.next(now);
    event.at = caller.at ?? now;
    const id = idText(event.id);
    meter.imputed(arm.model, imputed);
    // Where that fails at once, it is no prediction, and nothing is kept of it.
    const encoded = encode({ arm, id, rows, answers, texts: answerTexts, cacheStatus });
    if (begins) appender.adopt(event, made.packed, made.file!);
    else appender.prediction(event, made?.packed);
    const begun = caller.span ? performance.now() : 0;
    caller.span?.set({ 'slipway.prediction': id });
    if (model && model.shadows.length > 0) this.#shadows.add(event, frame, model.shadows);
    this.#turn.add(model?.manifest.failedWrite ?? 'refuse', (_position, error) => {
      caller.span?.begin('journal', begun).end(performance.now(), error?.code);
      if (error) meter.error(arm, error.code);
      else meter.answered(arm, rows, performance.now() - started, inferred, waited, now);
      if (error) send(null, error);
      else if (encoded instanceof Promise)
        encoded.then(
          (made) => send(made, null),
          (thrown) => send(null, toSlipwayError(thrown)),
        );
      else send(encoded, null);
    });
    // Where the record cannot be written, nobody looks at what was to be answered.
    if (encoded instanceof Promise) encoded.catch(() => {});
    if (begins) this.#turn.flush();
  }
}

const noId = new Uint8Array(16);
const noValues = new Float64Array(0);
const noTexts: string[] = [];
