import { SlipwayError, toSlipwayError } from '../errors.ts';
import type { AttachmentCounts } from '../messages.ts';
import { type Arm, retire } from './arm.ts';
import type { Seat } from './seat.ts';

/** What it takes to attach versions: the lane's own ways, or a test's. */
export interface Attacher {
  /** What the version will hold, bytes. */
  bytesOf(seat: Seat): Promise<number>;
  attach(seat: Seat): Promise<Arm>;
}

/**
 * What was attached stays for so many times as long as that takes: attaching takes a lane a tenth of its time at most.
 * What it took at best counts: what others on a busy machine took of it would keep out those that wait for seconds.
 */
const stayTimes = 10;
/** But for no shorter and no longer, ms. */
const stays = { least: 20, most: 5000 };
/** What could not be attached is not tried again for so long, ms. */
const failedMs = 1000;

interface Job {
  seat: Seat;
  /** Nobody waits for it: it makes nothing else go. */
  idle: boolean;
  settle: (error: SlipwayError | null) => void;
}

/**
 * The versions that are attached in this lane, within a budget of memory. One is attached at a time, those that
 * somebody waits for first; when there is no room, what was used longest ago goes (docs/adr/0018-lifecycle.md). A
 * single version that is larger than the budget is attached alone.
 */
export class Attachments {
  readonly counts: AttachmentCounts = { attached: 0, bytes: 0, attaches: 0, evictions: 0, failures: 0 };
  readonly #attacher: Attacher;
  readonly #budget: number;
  readonly #attached = new Set<Seat>();
  readonly #jobs: Job[] = [];
  /** The one in work. */
  #job: Job | null = null;
  #working = false;
  #clock = 0;

  /** `budget`: bytes. */
  constructor(attacher: Attacher, budget: number) {
    this.#attacher = attacher;
    this.#budget = budget;
  }

  /** The seat's arm, used now; null while it is not attached. */
  use(seat: Seat): Arm | null {
    seat.used = ++this.#clock;
    return seat.arm;
  }

  /**
   * Resolves when it is attached. `idle`: only where there is room. Throws ATTACH_FAILED.
   */
  attach(seat: Seat, idle = false): Promise<void> {
    if (seat.arm) return Promise.resolve();
    if (seat.failed && performance.now() - seat.failed.at < failedMs)
      return Promise.reject(seat.failed.error);
    if (!idle) this.#hurry(seat);
    seat.coming ??= new Promise<void>((resolve, reject) => {
      const settle = (error: SlipwayError | null): void => {
        seat.coming = null;
        if (error) reject(error);
        else resolve();
      };
      this.#jobs.push({ seat, idle, settle });
      void this.#work();
    });
    return seat.coming;
  }

  /** No snapshot names it any more: its memory is given back as soon as nobody waits for its answers. */
  drop(seat: Seat): void {
    seat.gone = true;
    this.#detach(seat);
  }

  /** Somebody waits now for what was to be attached at leisure. */
  #hurry(seat: Seat): void {
    for (const job of [...this.#jobs, this.#job]) if (job?.seat === seat) job.idle = false;
  }

  async #work(): Promise<void> {
    if (this.#working) return;
    this.#working = true;
    for (;;) {
      const urgent = this.#jobs.findIndex(({ idle }) => !idle);
      const [job] = this.#jobs.splice(Math.max(0, urgent), 1);
      this.#job = job ?? null;
      if (!job) break;
      const error = await this.#try(job);
      const { arm, gone } = job.seat;
      // Somebody began to wait for it when it had just been found that there is no room.
      if (!error && !arm && !gone && !job.idle) this.#jobs.push(job);
      else job.settle(error);
    }
    this.#working = false;
  }

  /** Its error, or null. */
  async #try(job: Job): Promise<SlipwayError | null> {
    const { seat } = job;
    if (seat.gone || seat.arm) return null;
    try {
      const bytes = await this.#attacher.bytesOf(seat);
      if (job.idle && this.counts.bytes + bytes > this.#budget) return null;
      await this.#makeRoom(bytes);
      const began = performance.now();
      const arm = await this.#attacher.attach(seat);
      if (seat.gone) {
        retire(arm);
        return null;
      }
      const now = performance.now();
      const attachMs = Math.min(seat.attachMs, now - began);
      const stay = Math.min(stays.most, Math.max(stays.least, stayTimes * attachMs));
      Object.assign(seat, {
        arm,
        bytes,
        used: ++this.#clock,
        attachMs,
        staysUntil: now + stay,
        failed: null,
      });
      this.#attached.add(seat);
      this.counts.attached++;
      this.counts.attaches++;
      this.counts.bytes += bytes;
      return null;
    } catch (thrown) {
      this.counts.failures++;
      const { message } = toSlipwayError(thrown);
      const { served, version } = seat;
      const error = new SlipwayError(
        'ATTACH_FAILED',
        `Version ${version.version} of "${served.name}" could not be attached: ${message}`,
      );
      seat.failed = { error, at: performance.now() };
      return error;
    }
  }

  /** Until so many bytes fit in, or there is nothing that could go. */
  async #makeRoom(bytes: number): Promise<void> {
    while (this.counts.bytes + bytes > this.#budget) {
      let oldest: Seat | null = null;
      for (const seat of this.#attached) {
        // A shadow goes with its leader, because it is used when that is.
        if (!seat.leader?.arm && seat.used < (oldest?.used ?? Number.POSITIVE_INFINITY)) oldest = seat;
      }
      if (!oldest) return;
      const rest = oldest.staysUntil - performance.now();
      if (rest > 0) await new Promise((resolve) => setTimeout(resolve, rest));
      else this.#evict(oldest);
    }
  }

  #evict(oldest: Seat): void {
    for (const seat of [oldest, ...this.#attached]) {
      if (!this.#attached.has(seat) || (seat !== oldest && seat.leader !== oldest)) continue;
      this.#detach(seat);
      this.counts.evictions++;
    }
  }

  #detach(seat: Seat): void {
    if (!seat.arm) return;
    retire(seat.arm);
    seat.arm = null;
    this.#attached.delete(seat);
    this.counts.attached--;
    this.counts.bytes -= seat.bytes;
    seat.bytes = 0;
  }
}
