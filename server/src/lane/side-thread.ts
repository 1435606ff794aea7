import { Worker } from 'node:worker_threads';
import { SlipwayError, toSlipwayError } from '../errors.ts';
import { cancelled, nobody, type Waiting } from '../waiting.ts';
import type { Arm } from './arm.ts';
import type { CodecRules } from './codec.ts';
import type { SideAnswer, SideTask } from './side-work.ts';

/** A thread that has had nothing to do for so long is ended, so that its memory is given back, ms. */
const idleMs = 10_000;

interface Task {
  job: string;
  codec: Arm;
  input: unknown;
  transfer: ArrayBuffer[];
  waiting: Waiting;
  /** It may be given up when it takes too long. */
  isBounded: boolean;
  resolve: (output: never) => void;
  reject: (thrown: unknown) => void;
}

/**
 * A second thread of the lane for what is pure and long: it reads large bodies and writes large answers, so that nobody
 * else waits for them. Started when it is first needed. One task at a time; those that finish a request go first.
 */
export class SideThread {
  readonly #module: URL;
  readonly #heapMegabytes: number;
  readonly #longestMs: number;
  #worker: Worker | null = null;
  /** It is told to end, and may not hear it for a while: V8 does not look up from JSON.parse. */
  #isEnding = false;
  #running: Task | null = null;
  readonly #finishing: Task[] = [];
  readonly #beginning: Task[] = [];
  /** What the thread has been told of. */
  readonly #codecs = new Map<Arm, number>();
  #told = 0;
  #idle: NodeJS.Timeout | null = null;
  #overdue: NodeJS.Timeout | null = null;

  /**
   * `module`: what it runs, which calls `workAside`. `heapMegabytes`: what its objects may take. `longestMs`: how long it
   * may read one request, for all others wait.
   */
  constructor(module: URL, heapMegabytes: number, longestMs: number) {
    this.#module = module;
    this.#heapMegabytes = heapMegabytes;
    this.#longestMs = longestMs;
  }

  /**
   * What a job makes of a request; buffers in `transfer` are given away. Rejects with what it throws, with BODY_TOO_LARGE
   * where that takes too much memory or time, and with CANCELLED and TIMEOUT where nobody waits for it any more.
   */
  begin<Out>(
    job: string,
    codec: Arm,
    input: object,
    waiting: Waiting,
    transfer: ArrayBuffer[] = [],
  ): Promise<Out> {
    const span = waiting.span?.begin('read', performance.now());
    const made = this.#add<Out>(this.#beginning, { job, codec, input, transfer, waiting, isBounded: true });
    if (span)
      made.then(
        () => span.end(performance.now()),
        (thrown) => span.end(performance.now(), toSlipwayError(thrown).code),
      );
    return made;
  }

  /** The same for what has been answered already, and is only to be kept and said. */
  finish<Out>(job: string, codec: Arm, input: object, transfer: ArrayBuffer[]): Promise<Out> {
    return this.#add(this.#finishing, { job, codec, input, transfer, waiting: nobody, isBounded: false });
  }

  /** Ends it; to be called when nothing is asked of it any more. */
  close(): void {
    if (this.#idle) clearTimeout(this.#idle);
    this.#idle = null;
    const worker = this.#worker;
    this.#ended();
    void worker?.terminate();
  }

  #add<Out>(queue: Task[], given: Omit<Task, 'resolve' | 'reject'>): Promise<Out> {
    return new Promise<Out>((resolve, reject) => {
      queue.push({ ...given, resolve, reject });
      if (!this.#running) this.#next();
    });
  }

  /** Not before a thread that was given up is gone: there would be one more of them, and of its memory, each time. */
  #next(): void {
    if (this.#isEnding) return;
    const task = this.#finishing.shift() ?? this.#beginning.shift() ?? null;
    this.#running = task;
    if (!task) {
      this.#idle = setTimeout(() => this.close(), idleMs).unref();
      return;
    }
    if (this.#idle) clearTimeout(this.#idle);
    this.#idle = null;
    const { waiting } = task;
    if (waiting.cancellation.cancelled) this.#settle(() => task.reject(cancelled()));
    else if (performance.now() > waiting.deadline) {
      const late = new SlipwayError('TIMEOUT', 'Its deadline had passed before its body was read.');
      this.#settle(() => task.reject(late));
    } else this.#post(task);
  }

  #post({ job, codec, input, transfer, isBounded, reject }: Task): void {
    try {
      this.#worker ??= this.#start();
      const forget: number[] = [];
      for (const [known, number] of this.#codecs) if (known.retired) forget.push(number);
      for (const known of this.#codecs.keys()) if (known.retired) this.#codecs.delete(known);
      let number = this.#codecs.get(codec);
      let rules: CodecRules | null = null;
      if (number === undefined) {
        number = this.#told++;
        this.#codecs.set(codec, number);
        const { model, version, privacy, secret } = codec;
        rules = { model, version, privacy, secret };
      }
      this.#worker.postMessage({ job, codec: number, rules, forget, input } satisfies SideTask, transfer);
      if (isBounded) this.#overdue = setTimeout(this.#giveUp, this.#longestMs);
    } catch (thrown) {
      this.#settle(() => reject(thrown));
    }
  }

  #start(): Worker {
    const worker = new Worker(this.#module, {
      execArgv: [],
      resourceLimits: { maxOldGenerationSizeMb: this.#heapMegabytes },
    });
    worker.unref();
    worker.on('message', (answer: SideAnswer) => {
      const task = this.#running;
      if (this.#worker !== worker || !task) return;
      if ('output' in answer) this.#settle(() => task.resolve(answer.output as never));
      else this.#settle(() => task.reject(toSlipwayError(answer.error)));
    });
    let died: NodeJS.ErrnoException | null = null;
    worker.on('error', (error) => {
      died = error as NodeJS.ErrnoException;
    });
    // Its death costs the caller whose work it was, and nobody else: the next task starts another.
    worker.on('exit', () => {
      if (this.#worker !== worker) return;
      this.#ended();
      this.#fail(whyEnded(died));
    });
    return worker;
  }

  readonly #giveUp = (): void => {
    this.#isEnding = true;
    void this.#worker!.terminate();
    const message = `What the body holds takes longer to read than ${this.#longestMs / 1000} s.`;
    this.#fail(new SlipwayError('BODY_TOO_LARGE', message));
  };

  #ended(): void {
    this.#worker = null;
    this.#isEnding = false;
    this.#codecs.clear();
  }

  /** What it was working on, if it was: then the next. */
  #fail(why: SlipwayError): void {
    const task = this.#running;
    this.#running = null;
    if (task) this.#settle(() => task.reject(why));
    else this.#next();
  }

  #settle(settle: () => void): void {
    if (this.#overdue) clearTimeout(this.#overdue);
    this.#overdue = null;
    settle();
    this.#next();
  }
}

function whyEnded(error: NodeJS.ErrnoException | null): SlipwayError {
  if (error?.code === 'ERR_WORKER_OUT_OF_MEMORY')
    return new SlipwayError(
      'BODY_TOO_LARGE',
      'What the body holds takes more memory than a lane has for it.',
    );
  return new SlipwayError(
    'INTERNAL',
    `The thread that worked on it ended: ${error?.message ?? 'it exited'}.`,
  );
}
