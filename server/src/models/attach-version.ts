import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { SlipwayError } from '../errors.ts';
import { decodeGoldenRows, type GoldenRows, goldenDifference, takeRow } from '../golden-rows.ts';
import { answerWidth, isText, type Signature } from '../signature.ts';
import type { ServedVersion } from '../snapshot.ts';
import { newFrame } from '../tensor.ts';
import { kindNamed } from './kinds.ts';
import type { Kind, Learner, Model, Place } from './model.ts';
import { inMemory, ProgramFile, programPart } from './program-file.ts';

/** As many as tell where a program runs. */
const headBytes = 16;
/** Runs before a version is made current: enough for its code to be compiled and its pages to be in memory. */
const warmRuns = 20;
/** A slow version is warm after fewer, ms. */
const warmMs = 500;
/** And so long that warming may hold the event loop before others have their turn, ms. */
const warmSliceMs = 1;

/**
 * Attaches a version in this process and warms it with its golden rows, or with a typical one. What runs elsewhere is
 * warm, or is not: this process cannot help it, and must not wait for it. Throws GATE_FAILED where golden rows are
 * answered otherwise than at the gate. `hear` gets it before it is asked anything.
 */
export async function attachVersion(
  version: ServedVersion,
  blobs: string,
  hear: (attached: Model) => void,
): Promise<{ attached: Model | Learner; runs: Place }> {
  const kind = kindNamed(version.kind);
  const { attached, runs } = await fromFile(kind, join(blobs, version.program), version.signature);
  hear(attached);
  if (runs === 'elsewhere') return { attached, runs };
  const golden = version.golden ? await readFile(join(blobs, version.golden), 'utf8') : null;
  // Slipway's own code gives the same bits everywhere.
  const tolerance = runs === 'inline' ? 0 : kind.tolerance;
  try {
    await warm(attached, version.impute, golden === null ? null : decodeGoldenRows(golden), tolerance);
  } catch (error) {
    void attached.close?.();
    throw error;
  }
  return { attached, runs };
}

async function fromFile(
  kind: Kind,
  path: string,
  signature: Signature,
): Promise<{ attached: Model | Learner; runs: Place }> {
  const program = await ProgramFile.open(path);
  try {
    const runs = kind.runs(await inMemory(programPart(program, 0, headBytes)));
    return { attached: await kind.attach(program, signature), runs };
  } finally {
    await program.close();
  }
}

async function warm(
  model: Model,
  impute: (number | null)[],
  golden: GoldenRows | null,
  tolerance: number,
): Promise<void> {
  const { features } = model.signature;
  const frame = newFrame(1, features.length);
  frame.texts.push('');
  // A typical row where the baseline knows one.
  for (let i = 0; i < features.length; i++) {
    frame.values[i] = isText(features[i]!) ? 0 : (impute[i] ?? 0);
  }
  const answers = new Float64Array(answerWidth(model.signature));
  const rows = golden?.frame.rows ?? 0;
  const end = performance.now() + warmMs;
  let began = performance.now();
  for (let run = 0; run < Math.max(1, rows) || (run < warmRuns && began < end); run++) {
    const texts: string[] = [];
    if (golden) takeRow(golden, run % rows, frame);
    await model.predict(frame, answers, texts);
    const difference = golden && goldenDifference(golden, run % rows, answers, texts, tolerance);
    if (difference !== null) throw new SlipwayError('GATE_FAILED', `Gate "golden rows": ${difference}.`);
    if (performance.now() - began < warmSliceMs) continue;
    await setImmediate();
    began = performance.now();
  }
}
