import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { SlipwayError } from '../errors.ts';
import { decodeGoldenRows, type GoldenRows, goldenDifference, takeRow } from '../golden-rows.ts';
import type { Update } from '../messages.ts';
import { kindNamed } from '../models/kinds.ts';
import type { Learner, Model, Place } from '../models/model.ts';
import type { Serving } from '../serving.ts';
import { answerWidth, longColumns } from '../signature.ts';
import { type ServedModel, type ServedVersion, servingIn } from '../snapshot.ts';
import { type Frame, newFrame } from '../tensor.ts';
import { AnswerCache } from './answer-cache.ts';
import { AnswerWriter } from './answer-writer.ts';
import { JournaledFeatures } from './journaled-features.ts';
import { RowEncoder } from './row-encoder.ts';

/** Requests of up to so many rows share one frame. */
const frameRows = 32;

/** A request may hold a lane for so long, µs: half of the silence that a lane is killed for. */
const heldMicroseconds = 1_000_000;
/** What a row costs besides its model (decoding, journaling, encoding), at most, µs. */
const rowMicroseconds = 10;
/** What a value costs to be written for an upstream or read from it (measured: 0.1), with room for slower machines, µs. */
const valueMicroseconds = 0.5;

/** Runs before a version is made current: enough for its code to be compiled and its pages to be in memory. */
const warmRuns = 20;
/** And so long that warming may hold the event loop before others have their turn, ms. */
const warmSliceMs = 1;

/** One version attached in this process, with all that depends on it alone prepared. */
export interface Arm {
  readonly model: string;
  readonly version: ServedVersion;
  readonly attached: Model | Learner;
  /** Whether it takes whole numbers that float64 does not hold: bodies are read accordingly. */
  readonly exact: boolean;
  /** Answers columns a row. */
  readonly width: number;
  readonly encoder: RowEncoder;
  readonly writer: AnswerWriter;
  readonly journaled: JournaledFeatures;
  /** Rows that it answers in one request, by what the gate measured. */
  readonly mostRows: number;
  /** Used again for every small request of a model that answers at once. */
  readonly frame: Frame;
  readonly runs: Place;
  /** How it is served; a new snapshot may say otherwise. */
  serving: Serving;
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

export async function attachArm(
  served: ServedModel,
  version: ServedVersion,
  blobs: string,
  secret: string,
): Promise<Arm> {
  const kind = kindNamed(version.kind);
  const program = await readFile(join(blobs, version.program));
  const attached = await kind.attach(program, version.signature);
  const runs = kind.runs(program);
  const arm: Arm = {
    model: served.name,
    version,
    attached,
    exact: longColumns(version.signature.inputs).length > 0,
    width: answerWidth(version.signature),
    encoder: new RowEncoder(version),
    writer: new AnswerWriter(served.name, version),
    journaled: new JournaledFeatures(version.signature, served.privacy, secret),
    mostRows: mostRowsOf(version, runs),
    frame: newFrame(frameRows, version.signature.features.length),
    runs,
    serving: servingIn(version),
    cache: null,
    update: 0,
    inFlight: 0,
    debtMicroseconds: 0,
    retired: false,
  };
  serveAs(arm, arm.serving);
  // What runs elsewhere is warm, or is not: this process cannot help it, and must not wait for it.
  if (runs !== 'elsewhere') {
    const golden = version.golden ? await readFile(join(blobs, version.golden), 'utf8') : null;
    // Slipway's own code gives the same bits everywhere.
    const tolerance = runs === 'inline' ? 0 : kind.tolerance;
    try {
      await warm(arm, golden === null ? null : decodeGoldenRows(golden), tolerance);
    } catch (error) {
      retire(arm);
      throw error;
    }
  }
  // A learner has gone on since its gate.
  if (version.checkpoint && 'restore' in attached) {
    attached.restore(await readFile(join(blobs, version.checkpoint.digest)));
    arm.update = version.checkpoint.update;
  }
  return arm;
}

/** What an arm will hold, bytes: as the gate measured it, or by its program where an older Slipway's gate did not. */
export async function armBytes(version: ServedVersion, blobs: string): Promise<number> {
  const frame = 8 * frameRows * version.signature.features.length;
  return frame + (version.attachedBytes ?? 2 * (await stat(join(blobs, version.program))).size);
}

/** What runs elsewhere holds a lane only while its request is written and its answer read. */
function mostRowsOf({ signature, microseconds }: ServedVersion, runs: Place): number {
  const values = signature.features.length + answerWidth(signature);
  const held = runs === 'elsewhere' ? values * valueMicroseconds : microseconds;
  return Math.max(1, Math.floor(heldMicroseconds / (held + rowMicroseconds)));
}

/** From now on. What is cached stays as far as it fits. */
export function serveAs(arm: Arm, serving: Serving): void {
  arm.serving = serving;
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

/** Throws GATE_FAILED where golden rows are answered otherwise than at the gate. */
async function warm(arm: Arm, golden: GoldenRows | null, tolerance: number): Promise<void> {
  const { signature } = arm.version;
  const frame = newFrame(1, signature.features.length);
  frame.texts.push('');
  // A typical row where the baseline knows one.
  for (let i = 0; i < signature.features.length; i++) {
    frame.values[i] = signature.features[i]!.type === 'string' ? 0 : (arm.version.impute[i] ?? 0);
  }
  const answers = new Float64Array(arm.width);
  const rows = golden?.frame.rows ?? 0;
  let began = performance.now();
  for (let run = 0; run < Math.max(warmRuns, rows); run++) {
    const texts: string[] = [];
    if (golden) takeRow(golden, run % rows, frame);
    await arm.attached.predict(frame, answers, texts);
    const difference = golden && goldenDifference(golden, run % rows, answers, texts, tolerance);
    if (difference !== null) throw new SlipwayError('GATE_FAILED', `Gate "golden rows": ${difference}.`);
    if (performance.now() - began < warmSliceMs) continue;
    await setImmediate();
    began = performance.now();
  }
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
