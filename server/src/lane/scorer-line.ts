import { SlipwayError, toSlipwayError } from '../errors.ts';
import { keepConnected, type Link } from '../link/link.ts';
import type { LaneToScorer, ScorerAnswer, ScorerToLane } from '../messages.ts';
import type { Model } from '../models/model.ts';
import { answerWidth, type Signature } from '../signature.ts';
import type { Frame } from '../tensor.ts';
import { cancelled, nobody, type Waiting } from '../waiting.ts';

/** Requests that wait here for one scorer, at most. */
const mostWaiting = 1000;
/** Requests that the scorer has at a time: it need not wait for the next one. */
export const callsAhead = 2;
/** What a call says of a row's time counts so much against all calls before. */
const newest = 0.1;
/** The supervisor is told again so often that the scorer is waited for, ms. */
const askAgainMs = 1000;
/** Without a deadline of their own requests wait as long as a timer can, ms. */
const longestMs = 2 ** 31 - 1;

/** It is one process, however many lanes ask it. */
const overloadedHint =
  'Try again in a second, with back-off, or with fewer rows at once. All lanes share its one process: more of it is answered by batching, where it pays, or by another machine; a longer --timeout lets more wait.';

interface Asked {
  frame: Frame;
  answers: Float64Array;
  texts: string[];
  waiting: Waiting;
  /** `performance.now()` */
  since: number;
  /** What the scorer knows it by; 0: it has not been sent. */
  number: number;
  timer: NodeJS.Timeout;
  /** Its caller has been told. */
  isSettled: boolean;
  settle: (error: SlipwayError | null) => void;
}

const asleepHint =
  'Try again in a moment: it is being started. Where that lasts, see `slipway status`; where it happens often, give such versions more memory: `slipway serve --scorer-memory`.';

/**
 * The line to the scorer of a version, which other lanes share: for the lane it is the model. What the scorer has not
 * begun when it ends is asked again of the one that takes its place. A scorer may be put to sleep: then the line is let
 * go, and taken up again by the next request.
 */
export class ScorerLine implements Model {
  readonly signature: Signature;
  readonly #path: string;
  readonly #width: number;
  readonly #ask: () => void;
  /** Ends the tries to reach the scorer, and the link; null: nothing waits for it. */
  #end: (() => void) | null = null;
  #link: Link<ScorerToLane, LaneToScorer> | null = null;
  /** The scorer takes no more. */
  #isLeaving = false;
  /** `performance.now()` when the supervisor was told last that this scorer is waited for. */
  #askedAt = Number.NEGATIVE_INFINITY;
  /** In order; who has been told is in it no more. */
  #waiting = new Set<Asked>();
  /** With the scorer, in the order in which it answers. */
  #sent: Asked[] = [];
  #rows = 0;
  #millisecondsARow: number;
  #isSending = false;
  #number = 0;
  /** `performance.now()` when the scorer may have begun with the first of those that it has. */
  #begun = 0;

  /** `ask`: requests wait for the scorer, which is not there. */
  constructor(path: string, signature: Signature, microseconds: number, ask: () => void) {
    this.signature = signature;
    this.#path = path;
    this.#width = answerWidth(signature);
    this.#millisecondsARow = microseconds / 1000;
    this.#ask = ask;
    this.#reach();
  }

  /**
   * Frame, answers and texts are its own until it has answered. Rejects with TIMEOUT at the deadline, with CANCELLED when
   * the caller goes, with OVERLOADED at once where the deadline cannot be met or too many wait, with SCORER_LOST, and
   * with what the model itself says.
   */
  predict(frame: Frame, answers: Float64Array, texts: string[], waiting: Waiting = nobody): Promise<void> {
    const patienceMs = waiting.deadline - performance.now();
    if (waiting.cancellation.cancelled) return Promise.reject(cancelled());
    if (this.#waiting.size >= mostWaiting || this.#expectedMs() > patienceMs) {
      return Promise.reject(
        new SlipwayError(
          'OVERLOADED',
          `More waits for it than it can answer in time (rows: ${this.#rows}).`,
          overloadedHint,
        ),
      );
    }
    this.#rows += frame.rows;
    return new Promise((resolve, reject) => {
      const asked: Asked = {
        frame,
        answers,
        texts,
        waiting,
        since: performance.now(),
        number: 0,
        timer: setTimeout(() => asked.settle(this.#tooLate(patienceMs)), Math.min(patienceMs, longestMs)),
        isSettled: false,
        settle: (error) => {
          if (asked.isSettled) return;
          asked.isSettled = true;
          clearTimeout(asked.timer);
          this.#waiting.delete(asked);
          this.#rows -= frame.rows;
          if (error) reject(error);
          else resolve();
        },
      };
      waiting.cancellation.whenCancelled(() => this.#gone(asked));
      this.#waiting.add(asked);
      this.#reach();
      this.#sendSoon();
    });
  }

  #gone(asked: Asked): void {
    if (asked.isSettled) return;
    asked.settle(cancelled());
    if (asked.number > 0) this.#link?.send({ type: 'gone', number: asked.number });
  }

  close(): void {
    this.#end?.();
  }

  #reach(): void {
    this.#end ??= keepConnected<ScorerToLane, LaneToScorer>(
      this.#path,
      (link) => this.#connected(link),
      () => this.#lost(),
    );
  }

  #connected(link: Link<ScorerToLane, LaneToScorer>): void {
    link.onMessage = (message) => {
      if (message.type === 'hello') {
        this.#link = link;
        this.#askedAt = Number.NEGATIVE_INFINITY;
        this.#sendSoon();
      } else if (message.type === 'leaving') {
        this.#isLeaving = true;
        this.#letGo();
      } else this.#answered(message);
    };
  }

  /** A scorer that is leaving goes when it has answered. */
  #letGo(): void {
    if (this.#isLeaving && this.#sent.length === 0) this.#link?.close();
  }

  /** There is no link any more, or one more try to make one was in vain. */
  #lost(): void {
    this.#link = null;
    this.#isLeaving = false;
    const [begun, ...others] = this.#sent;
    this.#sent = [];
    for (const asked of others) asked.number = 0;
    this.#waiting = new Set([...others.filter(({ isSettled }) => !isSettled), ...this.#waiting]);
    begun?.settle(new SlipwayError('SCORER_LOST', 'The process that ran it ended meanwhile.'));
    if (this.#waiting.size === 0) {
      this.#end?.();
      this.#end = null;
    } else if (performance.now() - this.#askedAt >= askAgainMs) {
      this.#askedAt = performance.now();
      this.#ask();
    }
  }

  /** Until all that waits now is answered: by calls so far, or by the present one where that takes longer. */
  #expectedMs(): number {
    const [present] = this.#sent;
    const elapsed = present ? (performance.now() - this.#begun) / present.frame.rows : 0;
    return this.#rows * Math.max(this.#millisecondsARow, elapsed);
  }

  /** At the end of the turn: what all of its requests have to say leaves together. */
  #sendSoon(): void {
    if (this.#isSending) return;
    this.#isSending = true;
    setImmediate(this.#send);
  }

  readonly #send = (): void => {
    this.#isSending = false;
    const link = this.#link;
    for (const asked of this.#waiting) {
      if (!link || this.#isLeaving || this.#sent.length >= callsAhead) return;
      this.#waiting.delete(asked);
      const { frame, waiting } = asked;
      const { rows, width, values, texts } = frame;
      waiting.span?.begin('queue', asked.since).end(performance.now());
      asked.number = ++this.#number;
      link.send({
        type: 'request',
        number: asked.number,
        rows,
        width,
        values: values.subarray(0, rows * width),
        texts,
        patienceMs: waiting.deadline - performance.now(),
      });
      if (this.#sent.push(asked) === 1) this.#begun = performance.now();
    }
  };

  #answered(message: ScorerAnswer): void {
    const asked = this.#sent[0];
    if (!asked || message.number !== this.#number - this.#sent.length + 1) {
      // It does not keep to what was agreed: whatever it says from here on is anybody's guess.
      this.#link?.close();
      return;
    }
    this.#sent.shift();
    this.#begun = performance.now();
    this.#sendSoon();
    this.#letGo();
    if (message.type === 'failed') {
      asked.settle(toSlipwayError(message.error));
      return;
    }
    const { rows } = asked.frame;
    this.#millisecondsARow += newest * (message.milliseconds / rows - this.#millisecondsARow);
    if (asked.isSettled) return;
    asked.answers.set(message.answers.subarray(0, rows * this.#width));
    for (const text of message.texts) asked.texts.push(text);
    asked.settle(null);
  }

  #tooLate(milliseconds: number): SlipwayError {
    const within = `within ${Math.round(milliseconds)} ms`;
    return this.#link
      ? new SlipwayError('TIMEOUT', `It was not answered ${within}.`)
      : new SlipwayError(
          'MODEL_LOADING',
          `The process that it has for itself was not up ${within}.`,
          asleepHint,
        );
  }
}
