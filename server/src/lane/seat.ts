import { SlipwayError } from '../errors.ts';
import { refusalOf } from '../models/kinds.ts';
import type { ServedModel, ServedVersion } from '../snapshot.ts';
import type { Arm } from './arm.ts';

/** A served version's place in this lane: its arm while it is attached. */
export interface Seat {
  served: ServedModel;
  version: ServedVersion;
  arm: Arm | null;
  /** Of a shadow: the live version's seat, with which it comes and goes. */
  leader: Seat | null;
  /** Settles when the attempt to attach it that is going on has ended. */
  coming: Promise<void> | null;
  /** Bytes that it holds of the lane's memory for models: while it is attached, or is being attached. */
  bytes: number;
  /** Rises with every use in the lane; the lowest was used longest ago. */
  used: number;
  /** The least that attaching it has taken so far, ms. */
  attachMs: number;
  /** `performance.now()` before which it is not evicted. */
  staysUntil: number;
  /** The last attempt's failure, `at`: `performance.now()`. */
  failed: { error: SlipwayError; at: number } | null;
  /** No snapshot names it any more. */
  gone: boolean;
}

/** What is not run here has failed for good. */
export function newSeat(served: ServedModel, version: ServedVersion): Seat {
  const refusal = refusalOf(version.kind);
  return {
    served,
    version,
    arm: null,
    leader: null,
    coming: null,
    bytes: 0,
    used: 0,
    attachMs: Number.POSITIVE_INFINITY,
    staysUntil: 0,
    failed: refusal && { error: notAttached(served, version, refusal), at: Number.POSITIVE_INFINITY },
    gone: false,
  };
}

function notAttached(
  { name }: ServedModel,
  { version }: ServedVersion,
  { code, message, hint }: SlipwayError,
): SlipwayError {
  return new SlipwayError(code, `Version ${version} of "${name}" is not attached. ${message}`, hint);
}
