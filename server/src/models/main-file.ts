import { posix } from 'node:path';
import { type ErrorCode, SlipwayError } from '../errors.ts';
import { kinds } from './kinds.ts';
import type { MlflowModel } from './mlflow/mlflow.ts';
import { openMlflow } from './mlflow/mlflow.ts';
import type { GivenFiles, Kind, ModelFiles } from './model.ts';
import { python, pythonMain } from './python/python.ts';
import { kindOf, recognise } from './recognise.ts';

/** The file that holds the model, its kind, and what an MLflow description beside it says. */
export interface Found {
  kind: Kind;
  files: ModelFiles;
  mlflow: MlflowModel | null;
}

/** Of what is said about several files, the gravest comes first. */
const gravest: readonly ErrorCode[] = ['FILE_UNSAFE', 'FILE_UNSUPPORTED', 'FILE_NOT_RECOGNISED'];

/**
 * Finds the model in what was given: the only file; the file that MLflow's description names; a model.py;
 * or the only one of
 * several that is of a kind Slipway serves. Throws FILE_* in words.
 */
export async function findModel(given: GivenFiles): Promise<Found> {
  if (given.files.has('MLmodel')) {
    const { main, mlflow } = await openMlflow(given);
    const files = filesOf(given, main);
    return { kind: await mlflow.recognised(files), files, mlflow };
  }
  if (given.files.has(pythonMain)) {
    // What lies beside is its code's own, whatever it is.
    const files = filesOf(given, pythonMain);
    if ((await kindOf(files)) === python) return { kind: python, files, mlflow: null };
  }
  const names = [...given.files.keys()].sort();
  const found: Found[] = [];
  for (const name of names) {
    const files = filesOf(given, name);
    const kind = names.length === 1 ? await recognise(files) : await kindOf(files);
    if (kind) found.push({ kind, files, mlflow: null });
  }
  const [only, second] = found;
  if (only && !second) return only;
  if (!only) throw await gravestRefusal(given, names);
  throw new SlipwayError(
    'FILE_NOT_RECOGNISED',
    `${given.name} holds several models: ${listed(found.map(({ files }) => files.main))}.`,
    'Give the one file, or a folder with one model and what belongs to it.',
  );
}

/** A file of what was given as the main one, and the others as they lie from there. */
export function filesOf({ files }: GivenFiles, main: string): ModelFiles {
  const folder = posix.dirname(main);
  const beside = new Map<string, string>();
  for (const [name, path] of files) {
    const from = posix.relative(folder, name);
    if (name !== main && !from.startsWith('../')) beside.set(from, path);
  }
  return { main, path: files.get(main)!, beside };
}

async function gravestRefusal(given: GivenFiles, names: string[]): Promise<SlipwayError> {
  const refusals: SlipwayError[] = [];
  for (const name of names)
    await recognise(filesOf(given, name)).catch((error: SlipwayError) => refusals.push(error));
  for (const code of gravest.slice(0, 2)) {
    const one = refusals.find((error) => error.code === code);
    if (one) return new SlipwayError(code, `${given.name}: ${one.message}`, one.hint);
  }
  return new SlipwayError(
    'FILE_NOT_RECOGNISED',
    `${given.name} holds no model that Slipway knows: ${listed(names)}.`,
    `Slipway takes: ${kinds.map(({ title }) => title).join('; ')}.`,
  );
}

function listed(names: string[]): string {
  const shown = names.slice(0, 6).join(', ');
  return names.length > 6 ? `${shown} and ${names.length - 6} more` : shown;
}
