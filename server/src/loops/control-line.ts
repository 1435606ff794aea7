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
  readonly #endLink: () => void;
  readonly #pending = new Map<string, Pending>();
  #link: Link<ControlToLoops, LoopsToControl> | null = null;
  /** The newest that control has sent. */
  #held: Snapshot | null = null;
  #topics = new Set<string>();
  #timer: NodeJS.Timeout | null = null;

  /** `onDone`: control has carried out the command of this id, which need not be kept any longer. */
  constructor(
    path: string,
    onSnapshot: (snapshot: Snapshot) => void,
    onRestore: (restore: Restore) => void,
    onDone: (command: string) => void,
  ) {
    this.#onSnapshot = onSnapshot;
    this.#onRestore = onRestore;
    this.#onDone = onDone;
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
      this.#end(command.id);
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
    for (const id of this.#pending.keys()) this.#end(id);
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
        this.#pending.get(id)?.answered();
        if (error === null) {
          this.#onDone(id);
          this.#end(id);
        } else this.#sendLater(id);
      }
    };
    link.send({ type: 'hello', role: 'loops', pid: process.pid, snapshot: this.#held?.number ?? 0 });
    for (const pending of this.#pending.values()) this.#send(pending);
  }

  #send(pending: Pending): void {
    if (pending.timer) clearTimeout(pending.timer);
    pending.timer = null;
    this.#link?.send({ type: 'command', command: pending.command });
  }

  #sendLater(id: string): void {
    const pending = this.#pending.get(id);
    if (!pending || pending.timer) return;
    pending.timer = setTimeout(() => this.#send(pending), pending.againMs);
    pending.timer.unref();
    pending.againMs = Math.min(mostAgainMs, 2 * pending.againMs);
  }

  /** It is asked no more. */
  #end(id: string): void {
    const timer = this.#pending.get(id)?.timer;
    if (timer) clearTimeout(timer);
    this.#pending.delete(id);
  }
}
