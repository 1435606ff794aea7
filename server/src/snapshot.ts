import type { Placement } from './placement.ts';
import { type Serving, scoredWithinMs, servingOf, usualServing } from './serving.ts';
import type { RowPolicy, Signature } from './signature.ts';

/** All that a lane knows: an immutable, numbered manifest, replaced whole. Bytes are named by SHA-256 digest. */
export interface Snapshot {
  /** Rises by one with every change. */
  number: number;
  /** ms since the epoch, for people; nothing depends on it. */
  at: number;
  models: { [name: string]: ServedModel };
}

/** A version of the snapshot by name and number; a model may be named like what every object has. */
export function versionIn(
  snapshot: Snapshot | null,
  model: string,
  version: number,
): ServedVersion | undefined {
  return snapshot && Object.hasOwn(snapshot.models, model)
    ? snapshot.models[model]!.versions[version]
    : undefined;
}

export interface ServedModel {
  name: string;
  /** Answers callers; null: no version does (the last one was quarantined), and there are no others here. */
  live: number | null;
  /** Also answer every row after the answer has left, for comparison. */
  shadows: number[];
  /** The rollout that these arms belong to, if one runs. */
  rollout: ServedRollout | null;
  /** Registered, but no lane attaches it: it answers nobody until it is loaded again. */
  unloaded: boolean;
  /** What a lane does when the journal cannot be written. */
  failedWrite: 'refuse' | 'serve';
  /** What of the features is journaled. */
  privacy: { hash: string[]; drop: string[] };
  /** Every version named above, and every other that must stay warm. */
  versions: { [version: number]: ServedVersion };
}

export interface ServedVersion {
  version: number;
  kind: string;
  /** Digest of the program that `Kind.attach` takes. */
  program: string;
  signature: Signature;
  policy: RowPolicy;
  /** Replacement values for imputation, one a feature (baseline median or most frequent; null: missing stays missing). */
  impute: (number | null)[];
  /** Digest of the baseline profile (JSON, monitors/baseline.ts), or null. */
  baseline: string | null;
  /** Digest of the golden rows that lanes warm it with (golden-rows.ts); null, or absent in what an older Slipway wrote: none. */
  golden?: string | null;
  /** What the gate measured, µs a row for a single fresh row. */
  microseconds: number;
  /** Of a row in a batch; absent: the version is older than the measurement. */
  batchMicroseconds?: number;
  /** What the gate measured that a process grows by when it attaches one more of it, bytes; absent in what an older Slipway wrote. */
  attachedBytes?: number;
  /** A learner's newest kept checkpoint; newer updates come from the loops. */
  checkpoint: { update: number; digest: string } | null;
  /** Absent in what an older Slipway wrote. */
  serving?: Serving;
  /** Absent: in the lanes. */
  placement?: Placement;
}

export function servingIn({ serving }: ServedVersion): Serving {
  return serving ?? servingOf(usualServing, undefined);
}

/** Longest that the scorer of a version may take over a call, ms. */
export function scoredMs(version: ServedVersion): number {
  return servingIn(version).timeoutMs ?? scoredWithinMs;
}

/** What the loops need of a running rollout to come to a verdict. */
export interface ServedRollout {
  id: string;
  /** `compare`: the candidate wants to be live. `guard`: it was promoted (it is `live` now) and the former live version (`candidate` now) is watched for having been better after all. */
  phase: 'compare' | 'guard';
  live: number;
  candidate: number;
  /** Two-sided error rate of the confidence sequence over the whole phase, however often it is looked at. */
  alpha: number;
  /** Fewest labelled pairs before any verdict. */
  leastPairs: number;
  /** The mean paired loss difference must exceed this. */
  margin: number;
  /** Held: it goes on counting but decides nothing. */
  held: boolean;
}
