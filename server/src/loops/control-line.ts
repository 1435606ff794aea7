import { keepConnected, type Link } from '../link/link.ts';
import type { Command, ControlToLoops, LoopsToControl } from '../messages.ts';
import type { Snapshot } from '../snapshot.ts';
import { applyChange } from '../snapshot-change.ts';

type Restore = Extract<ControlToLoops, { type: 'restore' }>;

/** Control is replaced within a second or so; a command waits this long before labels are folded on without it, ms. */
const patienceMs = 15_000;
/** What control could not do is asked of it again after this long, twice as long each time, up to the second; ms. */
const firstAgainMs = 1000;
const mostAgainMs = 60_000;
/** The console is told of changes at most this often, ms. */
const changedMs = 100;

interface Parts {
  path: string;
  onSnapshot: (snapshot: Snapshot) => void;
  onRestore: (restore: Restore) => void;
  /** The command of this id need not be kept any longer. */
  onDone: (command: string) => void;
  /** Control could not carry it out. */
  onRefused: (command: Command) => void;
  /** Whether such a command is still wanted, when it is about to be sent again. */
  stands: (command: Command) => boolean;
}

interface Pending {
  command: Command;
  /** Whoever sent it has waited for it long enough. */
  answered: () => void;
  againMs: number;
  timer: NodeJS.Timeout | null;
}

/** The line to control: commands go until they are done, whatever dies or fails in between; snapshots come. */
export class ControlLine {
  readonly #onSnapshot: (snapshot: Snapshot) => void;
  readonly #onRestore: (restore: Restore) => void;
  readonly #onDone: (command: string) => void;
  readonly #onRefused: (command: Command) => void;
  readonly #stands: (command: Command) => boolean;
  readonly #endLink: () => void;
  readonly #pending = new Map<string, Pending>();
  #link: Link<ControlToLoops, LoopsToControl> | null = null;
  /** The newest that control has sent. */
  #held: Snapshot | null = null;
  #topics = new Set<string>();
  #timer: NodeJS.Timeout | null = null;

  constructor({ path, onSnapshot, onRestore, onDone, onRefused, stands }: Parts) {
    this.#onSnapshot = onSnapshot;
    this.#onRestore = onRestore;
    this.#onDone = onDone;
    this.#onRefused = onRefused;
    this.#stands = stands;
    this.#endLink = keepConnected<ControlToLoops, LoopsToControl>(
      path,
      (link) => this.#connected(link),
      () => {
        this.#link = null;
      },
    );
  }

  /**
   * Sends a command until it is done: again after every reconnect, and some time after control could not. Resolves with
   * its first answer, or when patience is at its end.
   */
  carryOut(command: Command): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, patienceMs);
      timer.unref();
      const answered = () => {
        clearTimeout(timer);
        resolve();
      };
      this.#forget(command.id);
      const pending = { command, answered, againMs: firstAgainMs, timer: null };
      this.#pending.set(command.id, pending);
      this.#send(pending);
    });
  }

  changed(topics: Iterable<string>): void {
    for (const topic of topics) this.#topics.add(topic);
    if (this.#timer || this.#topics.size === 0) return;
    this.#timer = setTimeout(() => {
      this.#timer = null;
      this.#link?.send({ type: 'changed', topics: [...this.#topics] });
      this.#topics.clear();
    }, changedMs);
  }

  close(): void {
    for (const id of this.#pending.keys()) this.#forget(id);
    this.#endLink();
    if (this.#timer) clearTimeout(this.#timer);
  }

  #connected(link: Link<ControlToLoops, LoopsToControl>): void {
    this.#link = link;
    link.onMessage = (message) => {
      if (message.type === 'snapshot') {
        this.#held = applyChange(this.#held, message.change);
        if (this.#held) this.#onSnapshot(this.#held);
        // What it belongs to was missed: the next greeting brings all.
        else link.close();
      } else if (message.type === 'restore') this.#onRestore(message);
      else {
        const { id, error } = message;
        const pending = this.#pending.get(id);
        pending?.answered();
        if (error === null) this.#end(id);
        else if (pending) this.#refused(pending);
      }
    };
    link.send({ type: 'hello', role: 'loops', pid: process.pid, snapshot: this.#held?.number ?? 0 });
    for (const pending of this.#pending.values()) if (!pending.timer) this.#send(pending);
  }

  #send({ command }: Pending): void {
    this.#link?.send({ type: 'command', command });
  }

  #refused(pending: Pending): void {
    const { command, againMs } = pending;
    if (pending.timer) return;
    this.#onRefused(command);
    pending.timer = setTimeout(() => {
      pending.timer = null;
      if (this.#stands(command)) this.#send(pending);
      else this.#end(command.id);
    }, againMs);
    pending.timer.unref();
    pending.againMs = Math.min(mostAgainMs, 2 * againMs);
  }

  /** It is asked no more. */
  #end(id: string): void {
    this.#forget(id);
    this.#onDone(id);
  }

  #forget(id: string): void {
    const timer = this.#pending.get(id)?.timer;
    if (timer) clearTimeout(timer);
    this.#pending.delete(id);
  }
}
