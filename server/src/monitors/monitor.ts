import type { PredictionEvent } from '../events.ts';
import type { Finding } from '../finding.ts';
import type { ServedVersion } from '../snapshot.ts';
import type { Baseline } from './baseline.ts';
import type { WindowRule } from './windows.ts';

export type { Finding, Level } from '../finding.ts';

/**
 * A fold over the live predictions of one version that ends in findings. Constant memory per feature.
 * Pure: no clock, no randomness, no I/O. Commutative over lanes within a window of event time
 * (a property test folds every interleaving).
 */
export interface Monitor {
  /** Folds one request's rows; returns what it newly says, or says again with a change (most often nothing). */
  fold(event: PredictionEvent): Finding[];
  /** For the console and the API: present numbers, one entry a feature where it has any. */
  view(): unknown;
  /** The whole state, to commit with its cursor. */
  save(): Uint8Array;
  restore(state: Uint8Array): void;
}

export interface MonitorContext {
  model: string;
  version: ServedVersion;
  baseline: Baseline | null;
  /** Whether the version is a learner. Default: whether it has a checkpoint. */
  learns?: boolean;
  /** Other than the defaults of windows.ts. */
  windows?: Partial<WindowRule>;
}

/** One line in kinds.ts; passes test/monitors/contract.test.ts by being on the list. */
export interface MonitorKind {
  readonly name: string;
  /** One line for the console: what it is, how it is computed, what it cannot know. */
  readonly explanation: string;
  /** Null where it has nothing to watch (no baseline, say). */
  create(context: MonitorContext): Monitor | null;
}
