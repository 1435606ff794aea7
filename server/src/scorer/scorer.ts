import { setImmediate as nextTurn } from 'node:timers/promises';
import { errorBody, SlipwayError } from '../errors.ts';
import type { Link } from '../link/link.ts';
import type { LaneToScorer, ScorerAnswer, ScorerRequest, ScorerToLane } from '../messages.ts';
import type { Model } from '../models/model.ts';
import { answerWidth } from '../signature.ts';

type LaneLink = Link<LaneToScorer, ScorerToLane>;

interface Asked {
  link: LaneLink;
  request: ScorerRequest;
  /** `performance.now()` after which nobody waits for it. */
  deadline: number;
}

/**
 * One version, answering the rows of all lanes: one call after another, first come, first served, so that a lane knows
 * that of what it has sent only the first may have been begun. Between two calls the event loop has its turn, and the
 * heartbeat leaves: silence is a call that takes too long.
 */
export class Scorer {
  readonly #model: Model;
  readonly #width: number;
  readonly #links = new Set<LaneLink>();
  #waiting: Asked[] = [];
  readonly #onCall: () => void;
  #isRunning = false;
  #isLeaving = false;
  #left: (() => void) | null = null;

  /** `onCall`: a call is about to begin, or is over. */
  constructor(model: Model, onCall: () => void) {
    this.#model = model;
    this.#onCall = onCall;
    this.#width = answerWidth(model.signature);
  }

  get isBusy(): boolean {
    return this.#isRunning;
  }

  met(link: LaneLink): void {
    if (this.#isLeaving) {
      link.close();
      return;
    }
    this.#links.add(link);
    link.send({ type: 'hello' });
    link.onMessage = (message) => {
      if (message.type === 'gone') {
        const gone = this.#waiting.find(
          (asked) => asked.link === link && asked.request.number === message.number,
        );
        if (gone) gone.deadline = Number.NEGATIVE_INFINITY;
        return;
      }
      this.#waiting.push({ link, request: message, deadline: performance.now() + message.patienceMs });
      if (!this.#isRunning) void this.#run();
    };
    link.onClose = () => {
      this.#links.delete(link);
      this.#waiting = this.#waiting.filter((asked) => asked.link !== link);
      if (this.#links.size === 0) this.#left?.();
    };
  }

  /** Another will take its place: lanes get what they have asked for, and close their links. */
  leave(): void {
    this.#isLeaving = true;
    for (const link of this.#links) link.send({ type: 'leaving' });
  }

  /** Resolves when no lane needs it any more. */
  left(): Promise<void> {
    return new Promise((resolve) => {
      if (this.#links.size === 0) resolve();
      else this.#left = resolve;
    });
  }

  async #run(): Promise<void> {
    this.#isRunning = true;
    for (let asked = this.#waiting.shift(); asked; asked = this.#waiting.shift()) {
      this.#onCall();
      asked.link.send(await this.#answer(asked));
      this.#onCall();
      await nextTurn();
    }
    this.#isRunning = false;
  }

  async #answer({ request, deadline }: Asked): Promise<ScorerAnswer> {
    const { number, rows, width, values, texts } = request;
    const started = performance.now();
    try {
      if (started > deadline) throw new SlipwayError('TIMEOUT', 'Nobody waits for it any more.');
      const answers = new Float64Array(rows * this.#width);
      const answerTexts: string[] = [];
      await this.#model.predict({ rows, width, values, texts }, answers, answerTexts);
      const took = performance.now() - started;
      return { type: 'answered', number, answers, texts: answerTexts, milliseconds: took };
    } catch (thrown) {
      return { type: 'failed', number, error: errorBody(thrown) };
    }
  }
}
