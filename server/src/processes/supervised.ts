import { type ChildProcess, fork } from 'node:child_process';
import { GivingWay, setBackground, waitedMs } from '../background.ts';
import { layout } from '../layout.ts';
import type { ChildToSupervisor, ProcessStatus, SupervisorToChild } from '../messages.ts';
import { tied } from '../tied.ts';
import type { Assignment } from './config.ts';

/** A process that dies before it was ready is given a pause before the next try, longer each time, ms. */
const firstPauseMs = 100;
const longestPauseMs = 5000;
/** A process that does not come up at all is as good as hung, ms. */
const startMs = 60_000;
/**
 * Heaps of glibc's malloc. It would give each thread that allocates one of its own, which keeps most of what it once had;
 * V8's helpers, several in each process, are no more often in it than two heaps bear.
 * https://www.gnu.org/software/libc/manual/html_node/Memory-Allocation-Tunables.html
 */
const mallocArenas = '2';

export interface SupervisedOptions {
  name: string;
  module: URL;
  /** Called at every start: lanes get a new incarnation each time. */
  assignment: () => Assignment;
  /** Node's, besides those of this process. */
  flags: string[];
  /** Listening sockets handed down, as descriptors 4, 5 … of the child. */
  descriptors: number[];
  /** Heartbeats may be this late, ms. */
  heartbeatMs: () => number;
  /** Whether it gives way to all others for as long as it gets to work nevertheless. */
  givesWay: boolean;
  /** Whether it may hang in a call, and not hear then that this process is gone. */
  mayHang: boolean;
  /** One that was ready and lived for so long is replaced at once, others after a pause, ms. */
  calmMs: number;
  /** What it is told at every start, if anything. */
  first?: () => SupervisorToChild;
  onReady: () => void;
  onMessage: (message: ChildToSupervisor) => void;
  /** The process is gone without having been told to end, or before it did as it was told. */
  onLost: (loss: Loss) => void;
}

export interface Loss {
  /** Why the supervisor killed it; null: it did not. */
  killedFor: 'silence' | 'memory' | null;
  wasReady: boolean;
  /** It had been told to end, and is not replaced. */
  wasEnding: boolean;
  signal: string | null;
  code: number | null;
}

/** One process that is kept running: started, listened to, killed when silent, replaced when gone. */
export class Supervised {
  readonly #options: SupervisedOptions;
  #child: ChildProcess | null = null;
  #state: ProcessStatus['state'] = 'stopped';
  #startedAt = 0;
  #lastBeat = 0;
  #restarts = 0;
  #pause = 0;
  #timer: NodeJS.Timeout | null = null;
  #stopping = false;
  #killedFor: Loss['killedFor'] = null;
  /** It was told to end, and took longer than it was given. */
  #isCutOff = false;
  #givingWay = new GivingWay();

  constructor(options: SupervisedOptions) {
    this.#options = options;
  }

  start(): void {
    const { module, assignment, flags, descriptors, mayHang, calmMs, first, onReady, onMessage, onLost } =
      this.#options;
    const node = { execPath: process.execPath, execArgv: [...process.execArgv, ...flags] };
    this.#timer = null;
    this.#killedFor = null;
    this.#state = 'starting';
    this.#startedAt = Date.now();
    this.#lastBeat = performance.now();
    const given = assignment();
    const gone = (code: number | null, signal: string | null): void => {
      const wasReady = this.#state === 'ready';
      // One that did its work is replaced at once, whatever killed it.
      const didWork = wasReady && Date.now() - this.#startedAt >= calmMs;
      this.#child = null;
      this.#state = 'stopped';
      const loss = { killedFor: this.#killedFor, wasReady, wasEnding: this.#stopping, signal, code };
      if (this.#stopping) {
        if (code !== 0 && !this.#isCutOff) onLost(loss);
        return;
      }
      this.#restarts += 1;
      onLost(loss);
      this.#pause = didWork ? 0 : Math.min(longestPauseMs, this.#pause * 2 || firstPauseMs);
      this.#timer = setTimeout(() => this.start(), this.#pause);
    };
    let child: ChildProcess;
    try {
      child = fork(module, {
        stdio: ['ignore', 'inherit', 'inherit', 'ipc', ...descriptors],
        env: {
          ...process.env,
          MALLOC_ARENA_MAX: process.env.MALLOC_ARENA_MAX ?? mallocArenas,
          NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE ?? layout(given.config.data).compiled,
          SLIPWAY_PROCESS: JSON.stringify(given),
        },
        ...(mayHang ? tied(node) : node),
      });
    } catch {
      // The system has no memory or no descriptors left for it; it may have some in a moment.
      gone(null, null);
      return;
    }
    this.#child = child;
    this.#givingWay = new GivingWay();
    if (first) child.send(first());
    child.on('message', (message: ChildToSupervisor) => {
      this.#lastBeat = performance.now();
      if (message.type === 'ready') {
        this.#state = 'ready';
        onReady();
      }
      onMessage(message);
    });
    // What could not be started has no pid and no 'exit' either; other errors are followed by one.
    child.on('error', () => {
      if (child.pid === undefined) gone(null, null);
    });
    child.on('exit', gone);
  }

  /** Kills the process if it has been silent for too long. `grace`: how long the supervisor itself was held up, ms. */
  checkHeartbeat(grace: number): void {
    if (!this.#child) return;
    this.#lastBeat += grace;
    const silent = performance.now() - this.#lastBeat;
    if (silent > (this.#state === 'starting' ? startMs : this.#options.heartbeatMs())) this.kill('silence');
  }

  /** Looks whether it can give way now. */
  checkShare(): void {
    const pid = this.#child?.pid;
    if (!this.#options.givesWay || pid === undefined || this.#state !== 'ready') return;
    const waited = waitedMs(pid);
    const isChanged = waited !== null && this.#givingWay.look(performance.now(), waited);
    if (isChanged) setBackground(pid, this.#givingWay.isBackground);
  }

  kill(reason: NonNullable<Loss['killedFor']>): void {
    if (!this.#child || this.#killedFor) return;
    this.#killedFor = reason;
    this.#child.kill('SIGKILL');
  }

  send(message: SupervisorToChild): void {
    if (this.#child?.connected) this.#child.send(message);
  }

  /** Asks it to end, waits, and ends it after `patienceMs`. */
  stop(patienceMs: number): Promise<void> {
    this.#stopping = true;
    if (this.#timer) clearTimeout(this.#timer);
    const child = this.#child;
    if (!child) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = setTimeout(() => {
        this.#isCutOff = true;
        child.kill('SIGKILL');
      }, patienceMs);
      child.once('exit', () => {
        clearTimeout(timer);
        resolve();
      });
      this.send({ type: 'stop' });
    });
  }

  /** Since it was heard of last, ms. */
  get silentMs(): number {
    return performance.now() - this.#lastBeat;
  }

  status(): ProcessStatus {
    return {
      name: this.#options.name,
      pid: this.#child?.pid ?? 0,
      state: this.#state,
      restarts: this.#restarts,
      startedAt: this.#startedAt,
    };
  }
}
