import type { Placement } from './placement.ts';

/** How a version is served, beside what it is: may be changed at any time, without a new version. */
export interface Serving {
  /** How requests that wait are merged into one call of the model; null: each is a call of its own. */
  batching: Batching | null;
  /** Most bytes of answers that each lane keeps by the content of their rows; 0: none. */
  cacheBytes: number;
  /** Longest that a request may take, ms; null: what its caller says, and `scoredWithinMs` where it runs in a scorer. */
  timeoutMs: number | null;
}

/** What was chosen for a version. */
export interface ServingChoice extends Omit<Serving, 'batching'> {
  /** `auto`: what the gate found to pay. */
  batching: 'auto' | 'off' | Batching;
}

/** Longest that a scorer may take over a call where nothing else is chosen, ms. */
export const scoredWithinMs = 10_000;

/** Longest that a request may take where the version runs, ms; null: what its caller says. */
export function timeoutWhere(
  { timeoutMs }: Pick<Serving, 'timeoutMs'>,
  placement?: Placement,
): number | null {
  return timeoutMs ?? (placement === 'scorer' ? scoredWithinMs : null);
}

export const usualServing: ServingChoice = { batching: 'auto', cacheBytes: 0, timeoutMs: null };

/**
 * As Triton's dynamic batcher, in rows and ms.
 * https://docs.nvidia.com/deeplearning/triton-inference-server/user-guide/docs/user_guide/batcher.html
 */
export interface Batching {
  /** Rows in one call, at most; a request with more goes alone. */
  maxSize: number;
  /** Rows that the model takes best, ascending: as soon as requests make up one of these, they go. Empty: `maxSize`. */
  preferredSizes: number[];
  /** How long a request may wait for others while the model is idle, ms; 0: only those that wait anyway are merged. */
  maxDelayMs: number;
  /** Priorities are 1, the first to go, to this; within one it is first come, first served. */
  priorityLevels: number;
  /** Of a request that names none, or one that there is not. */
  defaultPriority: number;
  /** A request that waits longer is refused, ms; null: it waits for as long as its own deadline lets it. */
  queueTimeoutMs: number | null;
}

/** Never adds latency: what waits while the model runs, or came in the same turn of the event loop, goes together. */
export const naturalBatching: Batching = {
  maxSize: 64,
  preferredSizes: [],
  maxDelayMs: 0,
  priorityLevels: 3,
  defaultPriority: 2,
  queueTimeoutMs: null,
};

/** What the gate found about merging several callers' rows into one call of a version. */
export type Merging =
  /** It answers at once: nothing ever waits. */
  | 'never'
  /** A row's answer depends on the rows beside it, or that could not be ruled out: callers would meet each other. */
  | 'unsafe'
  /** It may be done, but a row in a batch does not cost materially less than a single one. */
  | 'possible'
  /** It may be done, and pays. */
  | 'pays';

/** A version that the gate never looked at so (an older Slipway's) is served as one whose requests may not be merged. */
export function servingOf({ batching, ...rest }: ServingChoice, merging: Merging | undefined): Serving {
  const automatic = merging === 'pays' ? naturalBatching : null;
  return { batching: batching === 'auto' ? automatic : batching === 'off' ? null : batching, ...rest };
}
