import { rm } from 'node:fs/promises';
import { SlipwayError, toSlipwayError } from '../../errors.ts';
import { isObject } from '../../json.ts';
import type { ProcessLoss } from '../../process-loss.ts';
import type { Feature } from '../../signature.ts';
import type { Trouble } from '../../trouble.ts';
import type { Listener } from '../model.ts';
import { Backoff, type Pauses } from './backoff.ts';
import { Child } from './child.ts';
import { type Hello, readHello } from './hello.ts';
import type { Message } from './messages.ts';
import type { PythonSettings } from './settings.ts';

/** Requests that may wait for the process, how many bytes of them, and for how long, ms. */
const mostWaiting = 1000;
const mostBytesWaiting = 64 * 2 ** 20;
const patienceMs = 10_000;
/** Lines that are kept until somebody listens. */
const mostUnheard = 100;
/** Of a process that ended, so many of its last lines are told. */
const lastLines = 20;
/** Ends in a row that are more than an accident. */
const tooManyEnds = 3;
/** A timer that fires so much later than it should was held up with its process, ms. */
const lateMs = 250;

interface Asked {
  body: Uint8Array;
  timer: NodeJS.Timeout;
  resolve: (answer: Message) => void;
  reject: (error: SlipwayError) => void;
}

/**
 * A version's Python process, kept running: asked one thing at a time within bounds of time and memory; ended when it
 * goes beyond them, and started again after a pause that doubles each time. What is asked meanwhile waits for it,
 * unless the pause is longer than that is worth.
 */
export class KeptChild {
  readonly #folder: string;
  readonly #settings: PythonSettings;
  readonly #file: string;
  readonly #backoff: Backoff;
  readonly #pauses: Pauses;
  #child: Child | null = null;
  #isReady = false;
  /** It has gone, but may not have been heard out: it is asked nothing more. */
  #isEnding = false;
  #features: Feature[] = [];
  #waiting: Asked[] = [];
  #waitingBytes = 0;
  #asked: Asked | null = null;
  #timer: NodeJS.Timeout | null = null;
  /** performance.now() of the next start, while there is a pause. */
  #startsAt = 0;
  #isClosed = false;
  #left = (): void => {};
  readonly #gone = new Promise<void>((resolve) => {
    this.#left = resolve;
  });
  #listener: Listener | null = null;
  #unheard: string[] = [];
  /** What the present process printed last. */
  #printed: string[] = [];
  #trouble: Trouble | null = null;
  /** Who waits for the first start. */
  #first: { resolve: (hello: Hello) => void; reject: (error: SlipwayError) => void } | null = null;
  /** Why the present process is being ended, where it hung. */
  #hang: ProcessLoss | null = null;
  /** Starts after the first. */
  restarts = 0;

  /**
   * `folder`: of model.py; it goes with the last process. `file`: as whom it was given knows it, for messages.
   */
  constructor(folder: string, settings: PythonSettings, file: string, pauses: Pauses) {
    this.#file = file;
    this.#folder = folder;
    this.#settings = settings;
    this.#pauses = pauses;
    this.#backoff = new Backoff(pauses);
  }

  /** Starts it. Throws PYTHON_UNUSABLE, FILE_BROKEN, PYTHON_TIMEOUT or PYTHON_CRASHED where it does not come up the first time. */
  begin(): Promise<Hello> {
    return new Promise((resolve, reject) => {
      this.#first = { resolve, reject };
      this.#start();
    });
  }

  /** What its rows hold from now on, after a restart, too. */
  take(features: Feature[]): void {
    this.#features = features;
    if (this.#isReady) this.#child?.send({ features });
  }

  /**
   * The answer to a message. Rejects with PYTHON_TIMEOUT where it takes too long, PYTHON_CRASHED where the process ends
   * over it, PYTHON_AWAY where the process does not come back in time, PYTHON_BUSY where too much waits,
   * PREDICTION_FAILED with what predict raised.
   */
  ask(body: Uint8Array): Promise<Message> {
    if (this.#isClosed) return Promise.reject(away('It was taken out meanwhile.'));
    const pause = this.#startsAt - performance.now();
    if (!this.#isReady && pause > patienceMs)
      return Promise.reject(
        away(`It is started again in ${Math.ceil(pause / 1000)} s: ${this.#trouble?.message}`),
      );
    if (this.#waiting.length >= mostWaiting || this.#waitingBytes + body.length > mostBytesWaiting)
      return Promise.reject(
        new SlipwayError('PYTHON_BUSY', `${this.#waiting.length} requests wait for its process already.`),
      );
    return new Promise((resolve, reject) => {
      const asked: Asked = {
        body,
        resolve,
        reject,
        timer: setTimeout(() => this.#tooLong(asked), patienceMs),
      };
      this.#waiting.push(asked);
      this.#waitingBytes += body.length;
      this.#next();
    });
  }

  listen(listener: Listener): void {
    this.#listener = listener;
    for (const line of this.#unheard.splice(0)) listener.line(line);
    if (this.#trouble) listener.trouble(this.#trouble);
  }

  /** Resident, bytes. */
  residentBytes(): number {
    return this.#child?.residentNow() ?? 0;
  }

  /** Resolves when its process and its folder are gone. */
  close(): Promise<void> {
    if (this.#isClosed) return this.#gone;
    this.#isClosed = true;
    if (this.#timer) clearTimeout(this.#timer);
    const error = away('It was taken out meanwhile.');
    for (const asked of this.#waiting.splice(0)) settle(asked, error);
    if (this.#asked) settle(this.#asked, error);
    this.#asked = null;
    this.#listener?.end();
    this.#listener = null;
    if (this.#child) this.#child.end('it is not needed any more');
    else this.#leave();
    return this.#gone;
  }

  #start(): void {
    const { startMs, interpreter } = this.#settings;
    this.#backoff.started(performance.now());
    this.#printed = [];
    this.#isEnding = false;
    this.#hang = null;
    let wrong: SlipwayError | null = null;
    const child = new Child(this.#folder, this.#settings, {
      onHello: (header) => {
        try {
          this.#ready(readHello(header, this.#file, interpreter));
        } catch (error) {
          wrong = toSlipwayError(error);
          child.end(wrong.message);
        }
      },
      onAnswer: (message) => this.#answered(message),
      onLine: (line) => this.#line(line),
      onExit: () => {
        this.#isEnding = true;
      },
      onEnd: (how, isStarted, loss) => {
        const code = isStarted ? 'PYTHON_CRASHED' : 'PYTHON_UNUSABLE';
        // What ends before it can answer does not come up, which is no crash.
        const crash = this.#isReady && loss?.why === 'crash' ? loss : null;
        this.#ended(wrong ?? new SlipwayError(code, capital(`${how}.`)), this.#hang ?? crash);
      },
    });
    this.#child = child;
    this.#timer = setTimeout(() => {
      wrong = new SlipwayError('PYTHON_TIMEOUT', `${this.#file} was not loaded within ${startMs / 1000} s.`);
      child.endHung(wrong.message);
    }, startMs);
  }

  #ready(hello: Hello): void {
    if (this.#timer) clearTimeout(this.#timer);
    this.#isReady = true;
    if (this.#features.length > 0) this.#child?.send({ features: this.#features });
    this.#first?.resolve(hello);
    this.#first = null;
    if (this.#trouble) this.#say(this.#trouble, 'It runs again.');
    // When it has run for long enough, what was is over.
    this.#timer = setTimeout(() => this.#say(null), this.#pauses.steady);
    this.#next();
  }

  /** `fault`: what it did that counts against the version. */
  #ended(error: SlipwayError, fault: ProcessLoss | null): void {
    if (this.#timer) clearTimeout(this.#timer);
    const asked = this.#asked;
    this.#child = null;
    this.#isReady = false;
    this.#asked = null;
    if (asked) settle(asked, error);
    const first = this.#first;
    if (first) this.#isClosed = true;
    if (this.#isClosed) {
      this.#leave();
      void this.#gone.then(() => first?.reject(error));
      return;
    }
    const pause = this.#backoff.ended(performance.now());
    this.#startsAt = performance.now() + pause;
    const trouble = { ...troubleOf(error, this.#backoff.ends), lines: this.#printed };
    this.#say(trouble, `It is started again in ${pause / 1000} s.`);
    if (fault) this.#listener?.lost(fault);
    if (pause > patienceMs) for (const one of this.#waiting.splice(0)) settle(one, away(error.message));
    this.#timer = setTimeout(() => {
      this.restarts++;
      this.#start();
    }, pause);
  }

  #leave(): void {
    // What stays behind is looked for at the next start.
    rm(this.#folder, { recursive: true, force: true }).then(this.#left, this.#left);
  }

  #next(): void {
    if (!this.#isReady || this.#isEnding || this.#asked || !this.#child) return;
    const asked = this.#waiting.shift();
    if (!asked) return;
    this.#waitingBytes -= asked.body.length;
    clearTimeout(asked.timer);
    this.#asked = asked;
    this.#bound(asked, this.#settings.callMs);
    this.#child.send({}, asked.body);
  }

  #bound(asked: Asked, milliseconds: number): void {
    const due = performance.now() + milliseconds;
    asked.timer = setTimeout(() => {
      const late = performance.now() - due;
      // A machine that slept, or starved this process, has starved the other too: it is not to blame.
      if (late > lateMs) this.#bound(asked, late);
      else this.#hung(asked);
    }, milliseconds);
  }

  #hung(asked: Asked): void {
    const time = `${this.#settings.callMs / 1000} s`;
    settle(
      asked,
      new SlipwayError('PYTHON_TIMEOUT', `It did not answer within ${time}, and its process was ended.`),
    );
    this.#isReady = false;
    this.#hang = { why: 'hang', detail: time };
    this.#child?.endHung(`its predict did not return within ${time}`);
  }

  #answered(message: Message): void {
    if (!this.#isReady) return;
    const asked = this.#asked;
    this.#asked = null;
    if (asked) {
      const failed = isObject(message.header) ? message.header.failed : undefined;
      clearTimeout(asked.timer);
      if (typeof failed === 'string') asked.reject(new SlipwayError('PREDICTION_FAILED', `${failed}.`));
      else asked.resolve(message);
    }
    this.#next();
  }

  #tooLong(asked: Asked): void {
    const at = this.#waiting.indexOf(asked);
    if (at < 0) return;
    this.#waiting.splice(at, 1);
    this.#waitingBytes -= asked.body.length;
    const seconds = patienceMs / 1000;
    settle(
      asked,
      this.#isReady
        ? new SlipwayError('PYTHON_BUSY', `Its process had others to answer for ${seconds} s.`)
        : away(`Its process did not come back within ${seconds} s.`),
    );
  }

  #line(line: string): void {
    if (this.#printed.push(line) > lastLines) this.#printed.shift();
    if (this.#listener) this.#listener.line(line);
    else if (this.#unheard.push(line) > mostUnheard) this.#unheard.shift();
  }

  /** `then`: what became of it so far. */
  #say(trouble: Trouble | null, then = ''): void {
    if (!trouble && !this.#trouble) return;
    this.#trouble = trouble;
    this.#listener?.trouble(trouble && { ...trouble, message: `${trouble.message} ${then}` });
  }
}

function settle({ timer, reject }: Asked, error: SlipwayError): void {
  clearTimeout(timer);
  reject(error);
}

function away(message: string): SlipwayError {
  return new SlipwayError('PYTHON_AWAY', message);
}

function troubleOf({ message }: SlipwayError, ends: number): Trouble {
  const often = ends === 1 ? '' : ` That is ${ends} times in a row.`;
  return {
    level: ends >= tooManyEnds ? 'act' : 'look',
    message: `${message}${often}`,
    hint: 'What it printed is in Slipway’s log. Mend model.py, or roll back.',
  };
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
