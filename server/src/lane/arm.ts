import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Layout } from '../layout.ts';
import type { Update } from '../messages.ts';
import { attachVersion } from '../models/attach-version.ts';
import { kindNamed } from '../models/kinds.ts';
import type { Learner, Model, Place } from '../models/model.ts';
import { type Serving, timeoutWhere } from '../serving.ts';
import { answerWidth } from '../signature.ts';
import { type ServedModel, type ServedVersion, servingIn } from '../snapshot.ts';
import { type Frame, newFrame } from '../tensor.ts';
import { AnswerCache } from './answer-cache.ts';
import { type Codec, codecOf } from './codec.ts';
import { callsAhead, ScorerLine } from './scorer-line.ts';

/** Requests of up to so many rows share one frame. */
export const frameRows = 32;

/** A request may hold a lane for so long, µs: half of the silence that a lane is killed for. */
const heldMicroseconds = 1_000_000;
/** The rows of a longer one are answered in slices of so long, µs. */
const sliceMicroseconds = 2000;
/** What a row costs besides its model (decoding, journaling, encoding), at most, µs. */
const rowMicroseconds = 10;
/** What a value costs to be written for an upstream or read from it (measured: 0.1), with room for slower machines, µs. */
const valueMicroseconds = 0.5;

/** Of the time that a request of a scorer, or one call of its model, may take, so much may be its own rows'. */
const patienceShare = 0.5;

/** One version attached in this process, with all that depends on it alone prepared. */
export interface Arm extends Codec {
  readonly attached: Model | Learner;
  /** Answers columns a row. */
  readonly width: number;
  /** Rows that it answers in one request, by what the gate measured. */
  mostRows: number;
  /** Rows that it answers in one turn of the event loop; more of one request are answered in several. */
  readonly sliceRows: number;
  /** Used again for every small request of a model that answers at once. */
  readonly frame: Frame;
  /** For this process: a scorer is elsewhere. */
  readonly runs: Place;
  /** Calls of the model that are made at a time. */
  readonly callsAtOnce: number;
  /** How it is served; a new snapshot may say otherwise. */
  serving: Serving;
  /** How long a request may take at most, whatever its caller says, ms. */
  patienceMs: number;
  /** Its answers, where they are kept. */
  cache: AnswerCache | null;
  /** The learner's update that answers; 0 for what does not learn. */
  update: number;
  /** Requests that wait for this arm. */
  inFlight: number;
  /** As a shadow: time taken beyond what a lane affords, and not forgiven yet. */
  debtMicroseconds: number;
  retired: boolean;
}

/** What the process around the lane does for versions. */
export interface Outside {
  /** Hears what a version says besides answers, from when it is attached until it is closed. */
  hear(model: string, version: number, attached: Model): void;
  /** Requests wait for the version's scorer, which is not there. */
  ask(model: string, version: number): void;
}

export async function attachArm(
  served: ServedModel,
  version: ServedVersion,
  places: Layout,
  secret: string,
  outside: Outside,
): Promise<Arm> {
  const { attached, runs, callsAtOnce } = await attach(served.name, version, places, outside);
  const arm: Arm = {
    ...codecOf({ model: served.name, version, privacy: served.privacy, secret }),
    attached,
    width: answerWidth(version.signature),
    mostRows: 0,
    sliceRows: sliceRowsOf(version, attached, runs),
    frame: newFrame(frameRows, version.signature.features.length),
    runs,
    callsAtOnce,
    serving: servingIn(version),
    patienceMs: 0,
    cache: null,
    update: 0,
    inFlight: 0,
    debtMicroseconds: 0,
    retired: false,
  };
  serveAs(arm, arm.serving);
  // A learner has gone on since its gate.
  if (version.checkpoint && 'restore' in attached) {
    attached.restore(await readFile(join(places.blobs, version.checkpoint.digest)));
    arm.update = version.checkpoint.update;
  }
  return arm;
}

/**
 * A second call of what runs on the event loop would only be taken out of the next batch. Another server takes as many
 * as it likes.
 */
async function attach(
  model: string,
  version: ServedVersion,
  { blobs, scorerSocket }: Layout,
  outside: Outside,
): Promise<Pick<Arm, 'attached' | 'runs' | 'callsAtOnce'>> {
  if (version.placement === 'scorer') {
    const path = scorerSocket(model, version.version);
    const { signature, microseconds } = version;
    const attached = new ScorerLine(path, signature, microseconds, () => outside.ask(model, version.version));
    return { attached, runs: 'elsewhere', callsAtOnce: callsAhead };
  }
  const { attached, runs } = await attachVersion(version, blobs, (one) =>
    outside.hear(model, version.version, one),
  );
  return { attached, runs, callsAtOnce: runs === 'elsewhere' ? Number.POSITIVE_INFINITY : 1 };
}

/**
 * What an arm will hold in this process, bytes: as the gate measured it, or by its program where an older Slipway's gate
 * did not.
 */
export async function armBytes(version: ServedVersion, blobs: string): Promise<number> {
  const frame = 8 * frameRows * version.signature.features.length;
  if (version.placement === 'scorer') return frame;
  return frame + (version.attachedBytes ?? 2 * (await stat(join(blobs, version.program))).size);
}

/**
 * What runs elsewhere holds a lane only while its request is written and its answer read; a scorer takes one call after
 * the other.
 */
function mostRowsOf({ version, runs, patienceMs }: Arm): number {
  const { signature, microseconds, placement, kind } = version;
  const values = signature.features.length + answerWidth(signature);
  const held = runs === 'elsewhere' ? values * valueMicroseconds : microseconds;
  const rows = heldMicroseconds / (held + rowMicroseconds);
  const callMs = Math.min(patienceMs, kindNamed(kind).callMs?.() ?? patienceMs);
  const inTime = placement === 'scorer' ? (callMs * 1000 * patienceShare) / microseconds : rows;
  return Math.max(1, Math.floor(Math.min(rows, inTime)));
}

/** A learner is not interrupted: its rows would be answered by several updates. Its steps are small. */
function sliceRowsOf(version: ServedVersion, attached: Model | Learner, runs: Place): number {
  if (runs !== 'inline' || 'restore' in attached) return Number.POSITIVE_INFINITY;
  return Math.max(1, Math.floor(sliceMicroseconds / inBatch(version)));
}

/** What one of many rows takes its model, µs. */
export function inBatch({ microseconds, batchMicroseconds }: ServedVersion): number {
  return batchMicroseconds ?? microseconds;
}

/** Whether so many rows are answered before anything else is looked at. */
export function answersAtOnce({ runs, sliceRows }: Arm, rows: number): boolean {
  return runs === 'inline' && rows <= sliceRows;
}

/** From now on. What is cached stays as far as it fits. */
export function serveAs(arm: Arm, serving: Serving): void {
  arm.serving = serving;
  arm.patienceMs = timeoutWhere(serving, arm.version.placement) ?? Number.POSITIVE_INFINITY;
  arm.mostRows = mostRowsOf(arm);
  if (serving.cacheBytes === 0) arm.cache = null;
  else if (arm.cache) arm.cache.mostBytes = serving.cacheBytes;
  else arm.cache = new AnswerCache(serving.cacheBytes);
}

/** Serves the learner's newer state from now on; an older one is left alone. */
export function applyUpdate(arm: Arm, update: Update): void {
  if (update.update <= arm.update || !('restore' in arm.attached)) return;
  arm.attached.restore(update.state);
  arm.update = update.update;
  arm.cache?.clear();
}

/** A request waits for the arm from now on. */
export function enter(arm: Arm): void {
  arm.inFlight++;
}

export function leave(arm: Arm): void {
  arm.inFlight--;
  if (arm.retired) closeIfFree(arm);
}

/** Gives the model's memory back as soon as nobody waits for it. */
export function retire(arm: Arm): void {
  arm.retired = true;
  closeIfFree(arm);
}

function closeIfFree(arm: Arm): void {
  if (arm.inFlight === 0) void arm.attached.close?.();
}
