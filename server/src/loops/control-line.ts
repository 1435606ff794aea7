import { keepConnected, type Link } from '../link/link.ts';
import type { Command, ControlToLoops, LoopsToControl } from '../messages.ts';
import type { Snapshot } from '../snapshot.ts';
import { applyChange } from '../snapshot-change.ts';

type Restore = Extract<ControlToLoops, { type: 'restore' }>;

/** Control is replaced within a second or so; a command waits this long before labels are folded on without it, ms. */
const patienceMs = 15_000;
/** The console is told of changes at most this often, ms. */
const changedMs = 100;

/** The line to control: commands go until they are done, whatever dies in between; snapshots come. */
export class ControlLine {
  readonly #onSnapshot: (snapshot: Snapshot) => void;
  readonly #onRestore: (restore: Restore) => void;
  readonly #onDone: (command: string) => void;
  readonly #end: () => void;
  readonly #pending = new Map<string, { command: Command; done: () => void }>();
  #link: Link<ControlToLoops, LoopsToControl> | null = null;
  /** The newest that control has sent. */
  #held: Snapshot | null = null;
  #topics = new Set<string>();
  #timer: NodeJS.Timeout | null = null;

  /** `onDone`: control has dealt with the command of this id, which need not be kept any longer. */
  constructor(
    path: string,
    onSnapshot: (snapshot: Snapshot) => void,
    onRestore: (restore: Restore) => void,
    onDone: (command: string) => void,
  ) {
    this.#onSnapshot = onSnapshot;
    this.#onRestore = onRestore;
    this.#onDone = onDone;
    this.#end = keepConnected<ControlToLoops, LoopsToControl>(
      path,
      (link) => this.#connected(link),
      () => {
        this.#link = null;
      },
    );
  }

  /** Sends a command, again after every reconnect until it is done. Resolves then, or when patience is at its end. */
  carryOut(command: Command): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, patienceMs);
      timer.unref();
      this.#pending.set(command.id, {
        command,
        done: () => {
          clearTimeout(timer);
          resolve();
        },
      });
      this.#link?.send({ type: 'command', command });
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
    this.#end();
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
        this.#onDone(message.id);
        this.#pending.get(message.id)?.done();
        this.#pending.delete(message.id);
      }
    };
    link.send({ type: 'hello', role: 'loops', pid: process.pid, snapshot: this.#held?.number ?? 0 });
    for (const { command } of this.#pending.values()) link.send({ type: 'command', command });
  }
}
