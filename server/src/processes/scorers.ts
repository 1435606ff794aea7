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
/** One that is silent for longer is in a call: between two of them it beats (child.ts). */
const inCallMs = 1000;
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
  /** It answers. */
  isUp: boolean;
  wanted: Wanted | null;
  /** Resident when it was last looked at while it was up, bytes; 0: it never was. */
  bytes: number;
  /** `performance.now()`: when it was last used, and before which it is not put to sleep. */
  used: number;
  staysUntil: number;
  /** `performance.now()` */
  startedAt: number;
  /** Times that it ended before it was ready, since it last was, and why the last of them. */
  failed: number;
  loss: ProcessLoss | null;
  /** Times that it was replaced before it was last put to sleep, and that it was. */
  restarts: number;
  evictions: number;
}

interface Ending {
  order: ScorerOrder;
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
      // What a change waited for has been in vain, or is there.
      if (kept.wanted?.for === 'change') kept.wanted = atLeisure();
      if (wanted.has(name)) continue;
      this.#kept.delete(name);
      if (kept.supervised) this.#end(kept, kept.supervised);
      else if (!this.#ending.has(name)) this.#parts.reports.forget(name);
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

  /** One that is asleep may still hold what it is about to give back. */
  statuses(): ProcessStatus[] {
    const kept = [...this.#kept.values()].map(({ name, order, supervised, restarts, evictions }) => {
      const pid = this.#ending.get(name)?.supervised.status().pid ?? 0;
      const status = supervised?.status() ?? {
        name,
        pid,
        state: 'asleep' as const,
        restarts: 0,
        startedAt: 0,
      };
      return { ...status, restarts: restarts + status.restarts, scores: { ...scoresOf(order), evictions } };
    });
    const ending = [...this.#ending]
      .filter(([name]) => !this.#kept.has(name))
      .map(([_, { order, supervised }]) => ({
        ...supervised.status(),
        scores: { ...scoresOf(order), evictions: 0 },
      }));
    return [...kept, ...ending];
  }

  /** Ends what has been silent for too long, or takes too much memory; both are replaced. Then sees to the room. */
  look(grace: number): void {
    const { mostBytes } = this.#parts;
    for (const supervised of this.#all()) supervised.checkHeartbeat(grace);
    for (const kept of this.#kept.values()) {
      const bytes = heldBy(kept.supervised);
      if (bytes > mostBytes) kept.supervised!.kill('memory');
      if (!kept.isUp) continue;
      kept.bytes = bytes;
      if (kept.supervised!.silentMs > inCallMs) kept.used = performance.now();
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
    if (!kept || kept.isUp) return;
    const isMore = wantedFor.indexOf(why) > (kept.wanted ? wantedFor.indexOf(kept.wanted.for) : -1);
    if (isMore) kept.wanted = { for: why, since: performance.now() };
  }

  #makeRoom(): void {
    if (this.#stopping) return;
    const bounds = { most: this.#parts.mostBytes, atOnce: 1 };
    // What they hold is not known before one of them is up.
    if (this.#usualBytes() > 0) bounds.atOnce = availableParallelism();
    for (;;) {
      const step = nextStep(this.#roomed(), bounds, performance.now());
      if (!step) return;
      if ('start' in step) this.#start(step.start.kept!);
      else this.#putToSleep(step.end.kept!);
    }
  }

  /** What one is expected to hold that has not been up yet: as much as the largest that has; 0: none has. */
  #usualBytes(): number {
    return [...this.#kept.values()].reduce((most, { bytes }) => Math.max(most, bytes), 0);
  }

  #roomed(): (Roomed & { kept: Kept | null })[] {
    const usual = this.#usualBytes();
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
        if (message.type === 'reports') {
          // That one that goes has nothing to say any more is no news of the version.
          if (kept.supervised === supervised) this.#parts.reports.heard(name, message.reports);
        } else if (message.type === 'used') kept.used = performance.now();
        // Before it is ready, it is only seen whether it comes up.
        else if (message.type === 'lost' && kept.isUp) this.#count(kept, message.loss);
      },
      onLost: (loss) => this.#lost(kept, loss),
    });
    kept.supervised = supervised;
    kept.failed = 0;
    kept.loss = null;
    kept.startedAt = performance.now();
    kept.staysUntil = kept.startedAt + comesUpMs;
    supervised.start();
  }

  #ready(kept: Kept): void {
    const now = performance.now();
    const bytes = heldBy(kept.supervised);
    if (bytes > this.#parts.mostBytes) {
      kept.supervised!.kill('memory');
      return;
    }
    const staysUntil = now + Math.min(longestStayMs, stayTimes * (now - kept.startedAt));
    Object.assign(kept, { isUp: true, failed: 0, wanted: null, bytes, used: now, staysUntil });
    this.#tell();
    this.#makeRoom();
  }

  /** Its lanes are told, and keep what they want of it for the next one. */
  #putToSleep(kept: Kept): void {
    const supervised = kept.supervised!;
    kept.supervised = null;
    kept.isUp = false;
    kept.wanted = atLeisure();
    kept.evictions++;
    kept.restarts += supervised.status().restarts;
    supervised.send({ type: 'leave' });
    this.#end(kept, supervised);
    this.#tell();
  }

  #end({ name, order, bytes }: Kept, supervised: Supervised): void {
    this.#ending.set(name, { order, supervised, bytes });
    const { heartbeatMs } = this.#parts;
    void supervised.stop(scoredMs(order.served) + heartbeatMs + longestDrainMs).then(() => {
      this.#ending.delete(name);
      if (!this.#kept.has(name)) this.#parts.reports.forget(name);
      this.#makeRoom();
    });
  }

  #lost(kept: Kept, loss: Loss): void {
    const { tellControl } = this.#parts;
    const { name } = kept;
    const reason = this.#reasonOf(kept, loss);
    if (loss.wasEnding) {
      // How it exits, when all is answered, says nothing of the version.
      if (loss.wasReady && loss.code === null) this.#count(kept, reason);
      return;
    }
    const wasUp = kept.isUp;
    kept.isUp = false;
    if (wasUp) this.#count(kept, reason);
    else Object.assign(kept, { failed: kept.failed + 1, loss: reason, staysUntil: 0 });
    // One that does not come up is said once.
    if (wasUp || kept.failed === 1)
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
      ready: kept.isUp,
      failed: kept.failed,
      loss: kept.loss,
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
    isUp: false,
    wanted: atLeisure(),
    bytes: 0,
    used: 0,
    staysUntil: 0,
    startedAt: 0,
    failed: 0,
    loss: null,
    restarts: 0,
    evictions: 0,
  };
}

/** It should be there before anybody asks. */
function atLeisure(): Wanted {
  return { for: 'leisure', since: performance.now() };
}

function scoresOf({ model, served }: ScorerOrder): VersionName {
  return { model, version: served.version };
}

function stateOf({ supervised, isUp, failed }: Kept): Roomed['state'] {
  if (!supervised) return 'asleep';
  // One that does not come up keeps no other from being started.
  return isUp || failed > 0 ? 'ready' : 'starting';
}

/** Resident, with the processes that its version has of its own. */
function heldBy(supervised: Supervised | null): number {
  const pid = supervised?.status().pid ?? 0;
  return pid > 0 ? treeBytes(pid) : 0;
}

function nameOf(model: string, version: number): string {
  return `scorer-${model}-${version}`;
}
