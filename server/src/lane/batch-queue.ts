import type { Batching } from '../serving.ts';

/** One request as the queue sees it. Times are of `performance.now()`, ms. */
export interface Queued {
  readonly rows: number;
  /** As its caller gave it; 0: none. */
  readonly priority: number;
  readonly since: number;
  /** Refused if it still waits then; Infinity: never. */
  readonly deadline: number;
}

/**
 * How many of those that wait, in their order, make the next batch (`count`), or how long to wait for more (ms). As
 * Triton's DynamicBatchScheduler::GetDynamicBatch decides it: the largest preferred size that can be had now goes
 * now; else all that fit go once the oldest has waited its time, or nothing more would fit.
 */
export function formBatch(
  waiting: Iterable<Queued>,
  { maxSize, preferredSizes, maxDelayMs }: Batching,
  now: number,
): { count: number; wait: number } {
  const preferred = preferredSizes.length > 0 ? preferredSizes : [maxSize];
  const mostPreferred = preferred.at(-1)!;
  let count = 0;
  let rows = 0;
  let oldest = now;
  /** Requests of the best preferred batch so far. */
  let best = 0;
  let isFull = false;
  for (const request of waiting) {
    if (count > 0) {
      if (rows + request.rows > mostPreferred && best === 0) best = count;
      if (rows + request.rows > maxSize) {
        isFull = true;
        break;
      }
    }
    count++;
    rows += request.rows;
    oldest = Math.min(oldest, request.since);
    if (preferred.includes(rows)) best = count;
  }
  if (count === 0) return { count: 0, wait: Number.POSITIVE_INFINITY };
  const age = now - oldest;
  const isLate = maxDelayMs > 0 && age >= maxDelayMs;
  if (best > 0 && !isLate) return { count: best, wait: 0 };
  if (isFull || rows >= mostPreferred || isLate || maxDelayMs === 0) return { count, wait: 0 };
  return { count: 0, wait: maxDelayMs - age };
}

/** Requests that wait for a model: by priority, within one first come, first served. */
export class BatchQueue<T extends Queued> {
  #batching: Batching;
  /** By priority; [0] stays empty. */
  #levels: T[][];
  #length = 0;
  #soonest = Number.POSITIVE_INFINITY;

  constructor(batching: Batching) {
    this.#batching = batching;
    this.#levels = levelsOf(batching);
  }

  get length(): number {
    return this.#length;
  }

  /** When the first of them may be late: none is before. Infinity: none ever is. */
  get soonest(): number {
    return this.#soonest;
  }

  /** Those that wait already are put in order anew. */
  set batching(batching: Batching) {
    const waiting = [...this.#waiting()];
    this.#batching = batching;
    this.#levels = levelsOf(batching);
    this.#length = 0;
    for (const request of waiting) this.add(request);
  }

  add(request: T): void {
    const { priorityLevels, defaultPriority } = this.#batching;
    const { priority } = request;
    this.#levels[priority >= 1 && priority <= priorityLevels ? priority : defaultPriority]!.push(request);
    this.#length++;
    this.#soonest = Math.min(this.#soonest, request.deadline);
  }

  /** Removes those whose deadline has passed. */
  expired(now: number): T[] {
    if (now <= this.#soonest) return [];
    const late: T[] = [];
    this.#soonest = Number.POSITIVE_INFINITY;
    for (const [priority, level] of this.#levels.entries()) {
      const rest: T[] = [];
      for (const request of level) {
        if (now > request.deadline) late.push(request);
        else {
          rest.push(request);
          this.#soonest = Math.min(this.#soonest, request.deadline);
        }
      }
      this.#levels[priority] = rest;
    }
    this.#length -= late.length;
    return late;
  }

  /** Removes the next batch; empty: look again in `wait` ms, or when something has changed. */
  take(now: number): { batch: T[]; wait: number } {
    const { count, wait } = formBatch(this.#waiting(), this.#batching, now);
    const batch: T[] = [];
    for (const level of this.#levels) {
      if (batch.length === count) break;
      batch.push(...level.splice(0, count - batch.length));
    }
    this.#length -= count;
    if (this.#length === 0) this.#soonest = Number.POSITIVE_INFINITY;
    return { batch, wait };
  }

  *#waiting(): Generator<T> {
    for (const level of this.#levels) yield* level;
  }
}

function levelsOf({ priorityLevels }: Batching): never[][] {
  return Array.from({ length: priorityLevels + 1 }, () => []);
}
