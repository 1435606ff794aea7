import { type ChildProcess, spawn } from 'node:child_process';
import type { Socket } from 'node:net';
import { fileURLToPath } from 'node:url';
import { byteText } from '../../byte-text.ts';
import { lossOf, type ProcessLoss } from '../../process-loss.ts';
import { treeBytes } from '../../resident.ts';
import { pythonEnvironment } from './environment.ts';
import { Lines } from './lines.ts';
import { encodeMessage, type Message, MessageReader } from './messages.ts';
import type { PythonSettings } from './settings.ts';

const runner = fileURLToPath(new URL('./runner.py', import.meta.url));

/** Its memory is looked at this often, ms. */
const lookMs = 250;
/** What hangs may say where, before it is ended, ms. */
const lastWordsMs = 100;

export interface ChildEvents {
  /** The first thing that it says. */
  onHello(header: unknown): void;
  onAnswer(message: Message): void;
  onLine(line: string): void;
  /** It has ended; what it said and printed before may still come. */
  onExit(): void;
  /** It is gone, or was never there; how, in words. `loss`: null where Slipway ended it. */
  onEnd(how: string, isStarted: boolean, loss: ProcessLoss | null): void;
}

/**
 * One Python process that runs a model.py: a process group of its own, no input, the environment's plain part, what it
 * prints line by line, and a socket that has no name and that nobody else can connect to.
 */
export class Child {
  readonly #process: ChildProcess;
  readonly #socket: Socket;
  readonly #events: ChildEvents;
  #greeted = false;
  #fate: string | null = null;
  #ended = false;
  readonly #look: NodeJS.Timeout;
  /** Resident when it was last looked at, bytes. */
  resident = 0;

  constructor(folder: string, settings: PythonSettings, events: ChildEvents) {
    this.#events = events;
    const { interpreter, bytes } = settings;
    this.#process = spawn(interpreter, ['-u', '-B', runner, folder, String(process.pid)], {
      cwd: folder,
      detached: true,
      env: pythonEnvironment(process.env),
      stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
    });
    // A spawned process's pipes are there even where it could not be started.
    this.#socket = this.#process.stdio[3] as Socket;
    const reader = new MessageReader();
    this.#socket.on('data', (chunk: Buffer) => {
      try {
        for (const message of reader.add(chunk)) this.#heard(message);
      } catch (error) {
        this.end((error as Error).message);
      }
    });
    // What it means that the socket broke is said by the process's end.
    this.#socket.on('error', () => {});
    for (const stream of [this.#process.stdout!, this.#process.stderr!]) {
      const lines = new Lines(events.onLine, () => performance.now());
      stream.on('data', (chunk: Buffer) => lines.add(chunk));
      stream.on('error', () => {});
      stream.on('end', () => lines.end());
    }
    this.#process.on('error', (error) => this.#gone(`${interpreter} could not be started: ${error.message}`));
    // Not 'exit': what it printed last is to be heard first. But what it started may hold its pipes open.
    this.#process.on('exit', (code, signal) => {
      events.onExit();
      setTimeout(() => this.#exited(code, signal), lastWordsMs);
    });
    this.#process.on('close', (code, signal) => this.#exited(code, signal));
    this.#look = setInterval(() => {
      this.resident = this.#process.pid === undefined ? 0 : treeBytes(this.#process.pid);
      if (this.resident > bytes) this.end(`its process used more than the ${byteText(bytes)} that it may`);
    }, lookMs);
  }

  /** Looks at it now, bytes. */
  residentNow(): number {
    return this.#process.pid === undefined ? 0 : treeBytes(this.#process.pid);
  }

  send(header: unknown, body?: Uint8Array): void {
    this.#socket.cork();
    for (const part of encodeMessage(header, body)) this.#socket.write(part);
    this.#socket.uncork();
  }

  /** Ends it and what it started, at once. `why` is what `onEnd` says. */
  end(why: string): void {
    if (this.#ended) return;
    this.#fate ??= why;
    this.#kill('SIGKILL');
  }

  /** Ends it after it has printed where each of its threads is. */
  endHung(why: string): void {
    this.#fate ??= why;
    try {
      this.#process.kill('SIGUSR1');
    } catch {
      // It is gone.
    }
    setTimeout(() => this.end(why), lastWordsMs);
  }

  #heard(message: Message): void {
    if (this.#ended) return;
    if (this.#greeted) this.#events.onAnswer(message);
    else {
      this.#greeted = true;
      this.#events.onHello(message.header);
    }
  }

  #exited(code: number | null, signal: string | null): void {
    const how = signal ? `its process was ended by ${signal}` : `its process ended with code ${code}`;
    this.#gone(how, lossOf(signal, code));
  }

  #gone(how: string, loss: ProcessLoss | null = null): void {
    if (this.#ended) return;
    this.#ended = true;
    clearInterval(this.#look);
    // What it started goes with it.
    this.#kill('SIGKILL');
    this.#socket.destroy();
    this.#events.onEnd(this.#fate ?? how, this.#process.pid !== undefined, this.#fate === null ? loss : null);
  }

  #kill(signal: NodeJS.Signals): void {
    const { pid } = this.#process;
    if (pid === undefined) return;
    try {
      process.kill(-pid, signal);
    } catch {
      // It is gone.
    }
  }
}
