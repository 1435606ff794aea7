import { byteText } from '../byte-text.ts';
import type { ProcessStatus, ScorerOrder, SupervisorToChild } from '../messages.ts';
import { lossOf, type ProcessLoss } from '../process-loss.ts';
import { residentBytes } from '../resident.ts';
import { scoredMs } from '../snapshot.ts';
import type { Assignment } from './config.ts';
import type { Losses } from './losses.ts';
import type { Reports } from './reports.ts';
import { type Loss, Supervised } from './supervised.ts';

/** A scorer that worked for less than this is given a pause before it is started again, ms. */
const calmMs = 10_000;

interface Parts {
  module: URL;
  assignment: (name: string) => Assignment;
  /** A scorer is silent while it works on a call: beyond the time that a call may take, it may be so late, ms. */
  heartbeatMs: number;
  /** Resident, bytes. */
  mostBytes: number;
  flags: string[];
  tellControl: (message: SupervisorToChild) => void;
  reports: Reports;
  losses: Losses;
}

interface Kept {
  order: ScorerOrder;
  supervised: Supervised;
  /** Times that it ended before it was ready, since it last was. */
  failed: number;
}

/** The supervisor's scorers: a process for each version that control orders one for. Without control they go on. */
export class Scorers {
  readonly #parts: Parts;
  readonly #kept = new Map<string, Kept>();
  /** Those that nobody needs any more, until they have ended. */
  readonly #ending = new Map<string, { supervised: Supervised; ended: Promise<void> }>();
  #stopping = false;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** From now on these versions have a scorer, and no others. Control is told how they are, now and whenever it changes. */
  order(orders: ScorerOrder[]): void {
    if (this.#stopping) return;
    const wanted = new Map(orders.map((order) => [nameOf(order), order]));
    for (const [name, { supervised }] of this.#kept) {
      if (wanted.has(name)) continue;
      this.#kept.delete(name);
      this.#end(name, supervised);
    }
    for (const [name, order] of wanted) {
      const kept = this.#kept.get(name);
      if (kept) kept.order = order;
      else this.#start(name, order);
    }
    this.#tell();
  }

  statuses(): ProcessStatus[] {
    const kept = [...this.#kept.values()].map(({ order, supervised }) => ({
      ...supervised.status(),
      scores: { model: order.model, version: order.served.version },
    }));
    return [...kept, ...[...this.#ending.values()].map(({ supervised }) => supervised.status())];
  }

  /** Ends what has been silent for too long, or takes too much memory; both are replaced. */
  look(grace: number): void {
    for (const supervised of this.#all()) {
      supervised.checkHeartbeat(grace);
      const { pid } = supervised.status();
      if (pid > 0 && residentBytes(pid) > this.#parts.mostBytes) supervised.kill('memory');
    }
  }

  async stop(patienceMs: number): Promise<void> {
    this.#stopping = true;
    await Promise.all(this.#all().map((supervised) => supervised.stop(patienceMs)));
  }

  #all(): Supervised[] {
    return [...this.#kept.values(), ...this.#ending.values()].map(({ supervised }) => supervised);
  }

  #start(name: string, order: ScorerOrder): void {
    const { module, assignment, flags, heartbeatMs } = this.#parts;
    const kept: Kept = {
      order,
      failed: 0,
      supervised: new Supervised({
        name,
        module,
        assignment: () => assignment(name),
        flags,
        descriptors: [],
        heartbeatMs: () => scoredMs(kept.order.served) + heartbeatMs,
        givesWay: false,
        mayHang: true,
        calmMs,
        first: () => ({ type: 'score', order: kept.order }),
        onReady: () => {
          kept.failed = 0;
          this.#tell();
        },
        onMessage: (message) => {
          if (message.type === 'reports') this.#parts.reports.heard(name, message.reports);
          // Before it is ready, it is only seen whether it comes up.
          else if (message.type === 'lost' && kept.supervised.status().state === 'ready')
            this.#count(kept, message.loss);
        },
        onLost: (loss) => this.#lost(name, kept, loss),
      }),
    };
    this.#kept.set(name, kept);
    // One of the same name may be on its way out: they would share a socket.
    const before = this.#ending.get(name)?.ended ?? Promise.resolve();
    void before.then(() => {
      if (this.#kept.get(name) === kept && !this.#stopping) kept.supervised.start();
    });
  }

  #end(name: string, supervised: Supervised): void {
    const ended = supervised.stop(this.#parts.heartbeatMs + longestDrainMs).then(() => {
      if (this.#ending.get(name)?.supervised !== supervised) return;
      this.#ending.delete(name);
      if (!this.#kept.has(name)) this.#parts.reports.forget(name);
    });
    this.#ending.set(name, { supervised, ended });
  }

  #lost(name: string, kept: Kept, loss: Loss): void {
    const { tellControl } = this.#parts;
    if (loss.wasReady) this.#count(kept, this.#reasonOf(kept, loss));
    else kept.failed++;
    // One that does not come up is said once.
    if (loss.wasReady || kept.failed === 1)
      tellControl({ type: 'replaced', name, signal: loss.signal, code: loss.code });
    this.#tell();
  }

  #count({ order: { model, served } }: Kept, loss: ProcessLoss): void {
    this.#parts.losses.add({ model, version: served.version, loss });
  }

  #reasonOf({ order }: Kept, { killedFor, signal, code }: Loss): ProcessLoss {
    const { heartbeatMs, mostBytes } = this.#parts;
    if (killedFor === 'silence') {
      return { why: 'hang', detail: `${(scoredMs(order.served) + heartbeatMs) / 1000} s` };
    }
    if (killedFor === 'memory') return { why: 'memory', detail: byteText(mostBytes) };
    return lossOf(signal, code);
  }

  #tell(): void {
    const scorers = [...this.#kept.values()].map(({ order, supervised, failed }) => ({
      model: order.model,
      version: order.served.version,
      ready: supervised.status().state === 'ready',
      failed,
    }));
    this.#parts.tellControl({ type: 'scorers', scorers });
  }
}

/** Lanes let go of a scorer when their last request of it is answered; then it ends. ms */
const longestDrainMs = 60_000;

function nameOf({ model, served }: ScorerOrder): string {
  return `scorer-${model}-${served.version}`;
}
