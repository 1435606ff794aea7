import { availableParallelism } from 'node:os';
import { byteText } from '../byte-text.ts';
import type { ProcessStatus, ScorerOrder, SupervisorToChild, VersionName } from '../messages.ts';
import { lossOf, type ProcessLoss } from '../process-loss.ts';
import { treeBytes } from '../resident.ts';
import { scoredMs } from '../snapshot.ts';
import type { Assignment } from './config.ts';
import type { Losses } from './losses.ts';
import type { Reports } from './reports.ts';
import { nextStep, type Roomed, type Wanted, wantedFor } from './scorer-room.ts';
import { type Loss, Supervised } from './supervised.ts';

/** A scorer that worked for less than this is given a pause before it is started again, ms. */
const calmMs = 10_000;
/** One that comes up is not put to sleep meanwhile, ms. */
const comesUpMs = 60_000;
/**
 * Nor for so many times as long as that took, and for so long at most, ms: starting them takes a fifth of a processor
 * for each that there is room for.
 */
const stayTimes = 4;
const longestStayMs = 5000;

interface Parts {
  module: URL;
  assignment: (name: string) => Assignment;
  /** A scorer is silent while it works on a call: beyond the time that a call may take, it may be so late, ms. */
  heartbeatMs: number;
  /** For all of them together, resident, bytes. */
  mostBytes: number;
  flags: string[];
  tellControl: (message: SupervisorToChild) => void;
  reports: Reports;
  losses: Losses;
}

interface Kept {
  name: string;
  order: ScorerOrder;
  /** null: it is asleep. */
  supervised: Supervised | null;
  wanted: Wanted | null;
  /** Resident when it was last looked at while it was up, bytes; 0: it never was. */
  bytes: number;
  /** `performance.now()`: when it was last used, and before which it is not put to sleep. */
  used: number;
  staysUntil: number;
  /** `performance.now()` */
  startedAt: number;
  /** Times that it ended before it was ready, since it last was. */
  failed: number;
  /** Times that it was replaced before it was last put to sleep, and that it was. */
  restarts: number;
  evictions: number;
}

interface Ending {
  supervised: Supervised;
  bytes: number;
}

/**
 * The supervisor's scorers: a process for each version that control orders one for, as far as their memory reaches. What
 * was used longest ago is put to sleep for what is asked for, and comes back when it is. Without control they go on.
 */
export class Scorers {
  readonly #parts: Parts;
  readonly #kept = new Map<string, Kept>();
  /** Those that are asleep or not needed any more, until they have ended. */
  readonly #ending = new Map<string, Ending>();
  #stopping = false;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /**
   * From now on these versions have a scorer, and no others; those of them that a change waits for are started at once.
   * Control is told how they are, now and whenever it changes.
   */
  order(orders: ScorerOrder[], awaited: VersionName[]): void {
    if (this.#stopping) return;
    const wanted = new Map(orders.map((order) => [nameOf(order.model, order.served.version), order]));
    for (const [name, kept] of this.#kept) {
      if (wanted.has(name)) continue;
      this.#kept.delete(name);
      if (kept.supervised) this.#end(kept, kept.supervised);
    }
    for (const [name, order] of wanted) {
      const kept = this.#kept.get(name);
      if (kept) kept.order = order;
      else this.#kept.set(name, newKept(name, order));
    }
    for (const { model, version } of awaited) this.#want(nameOf(model, version), 'change');
    this.#makeRoom();
    this.#tell();
  }

  /** A lane has requests for it, and it is not there. */
  asked(model: string, version: number): void {
    const name = nameOf(model, version);
    this.#want(name, this.#kept.get(name)?.order.role === 'shadow' ? 'shadow' : 'caller');
    this.#makeRoom();
  }

  statuses(): ProcessStatus[] {
    const kept = [...this.#kept.values()].map(({ name, order, supervised, restarts, evictions }) => {
      const status = supervised?.status() ?? asleep(name);
      const scores = { model: order.model, version: order.served.version, evictions };
      return { ...status, restarts: restarts + status.restarts, scores };
    });
    return [...kept, ...[...this.#ending.values()].map(({ supervised }) => supervised.status())];
  }

  /** Ends what has been silent for too long, or takes too much memory; both are replaced. Then sees to the room. */
  look(grace: number): void {
    const { mostBytes } = this.#parts;
    for (const supervised of this.#all()) supervised.checkHeartbeat(grace);
    for (const kept of this.#kept.values()) {
      const bytes = heldBy(kept.supervised);
      if (bytes > mostBytes) kept.supervised!.kill('memory');
      if (isReady(kept)) kept.bytes = bytes;
    }
    for (const ending of this.#ending.values()) ending.bytes = heldBy(ending.supervised);
    this.#makeRoom();
  }

  async stop(patienceMs: number): Promise<void> {
    this.#stopping = true;
    await Promise.all(this.#all().map((supervised) => supervised.stop(patienceMs)));
  }

  #all(): Supervised[] {
    return [...this.#kept.values(), ...this.#ending.values()].flatMap(({ supervised }) => supervised ?? []);
  }

  #want(name: string, why: Wanted['for']): void {
    const kept = this.#kept.get(name);
    if (!kept || isReady(kept)) return;
    const isMore = wantedFor.indexOf(why) > (kept.wanted ? wantedFor.indexOf(kept.wanted.for) : -1);
    if (isMore) kept.wanted = { for: why, since: performance.now() };
  }

  #makeRoom(): void {
    if (this.#stopping) return;
    const bounds = { most: this.#parts.mostBytes, atOnce: availableParallelism() };
    for (;;) {
      const step = nextStep(this.#roomed(), bounds, performance.now());
      if (!step) return;
      if ('start' in step) this.#start(step.start.kept!);
      else this.#putToSleep(step.end.kept!);
    }
  }

  #roomed(): (Roomed & { kept: Kept | null })[] {
    const known = [...this.#kept.values()].map(({ bytes }) => bytes).filter((bytes) => bytes > 0);
    const usual = known.reduce((sum, bytes) => sum + bytes, 0) / Math.max(1, known.length);
    const kept = [...this.#kept.values()]
      // Its socket is still that of the one before it.
      .filter(({ name, supervised }) => supervised || !this.#ending.has(name))
      .map((one) => ({
        state: stateOf(one),
        bytes: one.bytes || usual,
        used: this.#usedWithLeader(one),
        staysUntil: one.staysUntil,
        wanted: one.wanted,
        kept: one,
      }));
    const ending = [...this.#ending.values()].map(({ bytes }) => ({
      state: 'ending' as const,
      bytes,
      used: 0,
      staysUntil: 0,
      wanted: null,
      kept: null,
    }));
    return [...kept, ...ending];
  }

  /** A shadow goes just before the version that it stands beside: it is used when that is. */
  #usedWithLeader({ order: { model, role }, used }: Kept): number {
    if (role !== 'shadow') return used;
    const leader = [...this.#kept.values()].find(
      ({ order }) => order.model === model && order.role === 'live',
    );
    return leader ? leader.used - 1 : used;
  }

  #start(kept: Kept): void {
    const { module, assignment, flags, heartbeatMs } = this.#parts;
    const { name } = kept;
    const supervised = new Supervised({
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
      onReady: () => this.#ready(kept),
      onMessage: (message) => {
        if (message.type === 'reports') this.#parts.reports.heard(name, message.reports);
        else if (message.type === 'used') kept.used = performance.now();
        // Before it is ready, it is only seen whether it comes up.
        else if (message.type === 'lost' && supervised.status().state === 'ready')
          this.#count(kept, message.loss);
      },
      onLost: (loss) => this.#lost(kept, loss),
    });
    kept.supervised = supervised;
    kept.failed = 0;
    kept.startedAt = performance.now();
    kept.staysUntil = kept.startedAt + comesUpMs;
    supervised.start();
  }

  #ready(kept: Kept): void {
    const now = performance.now();
    const staysMs = Math.min(longestStayMs, stayTimes * (now - kept.startedAt));
    Object.assign(kept, { failed: 0, wanted: null, used: now, staysUntil: now + staysMs });
    kept.bytes = heldBy(kept.supervised);
    this.#tell();
    this.#makeRoom();
  }

  /** Its lanes are told, and keep what they want of it for the next one. */
  #putToSleep(kept: Kept): void {
    const supervised = kept.supervised!;
    kept.supervised = null;
    kept.wanted = null;
    kept.evictions++;
    kept.restarts += supervised.status().restarts;
    supervised.send({ type: 'leave' });
    this.#end(kept, supervised);
    this.#tell();
  }

  #end({ name, bytes }: Kept, supervised: Supervised): void {
    const ending = { supervised, bytes };
    this.#ending.set(name, ending);
    void supervised.stop(this.#parts.heartbeatMs + longestDrainMs).then(() => {
      this.#ending.delete(name);
      if (!this.#kept.has(name)) this.#parts.reports.forget(name);
      this.#makeRoom();
    });
  }

  #lost(kept: Kept, loss: Loss): void {
    const { tellControl } = this.#parts;
    const { name } = kept;
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
    const scorers = [...this.#kept.values()].map((kept) => ({
      model: kept.order.model,
      version: kept.order.served.version,
      ready: isReady(kept),
      failed: kept.failed,
    }));
    this.#parts.tellControl({ type: 'scorers', scorers });
  }
}

/** Lanes let go of a scorer when their last request of it is answered; then it ends. ms */
const longestDrainMs = 60_000;

function newKept(name: string, order: ScorerOrder): Kept {
  return {
    name,
    order,
    supervised: null,
    wanted: { for: 'leisure', since: performance.now() },
    bytes: 0,
    used: 0,
    staysUntil: 0,
    startedAt: 0,
    failed: 0,
    restarts: 0,
    evictions: 0,
  };
}

function asleep(name: string): ProcessStatus {
  return { name, pid: 0, state: 'asleep', restarts: 0, startedAt: 0 };
}

function stateOf({ supervised, failed }: Kept): Roomed['state'] {
  const state = supervised?.status().state;
  if (!state) return 'asleep';
  // One that does not come up keeps no other from being started.
  return state === 'ready' || failed > 0 ? 'ready' : 'starting';
}

function isReady({ supervised }: Kept): boolean {
  return supervised?.status().state === 'ready';
}

/** Resident, with the processes that its version has of its own. */
function heldBy(supervised: Supervised | null): number {
  const pid = supervised?.status().pid ?? 0;
  return pid > 0 ? treeBytes(pid) : 0;
}

function nameOf(model: string, version: number): string {
  return `scorer-${model}-${version}`;
}
