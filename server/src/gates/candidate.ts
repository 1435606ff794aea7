import type { Gate } from '../api.ts';
import { SlipwayError } from '../errors.ts';
import type { Importance, ModelHints } from '../models/model.ts';
import type { Placement } from '../placement.ts';
import type { Merging } from '../serving.ts';
import type { Signature } from '../signature.ts';
import type { Bounds } from './candidate-process.ts';
import { Candidates } from './candidates.ts';
import type { Weight } from './weigh.ts';

/** What the candidate process is asked to try. Paths are absolute; names are the user's own. */
export interface Trial {
  /** A file, an archive or a folder. */
  file: { name: string; path: string };
  baseline: { name: string; path: string } | null;
  golden: { name: string; path: string } | null;
  label: string | null;
  classes: (string | number)[] | null;
  onnx: ModelHints['onnx'] | null;
  /** Of a booster that was stopped early: up to the best round, or all. */
  rounds: 'best' | 'all';
  /** Where it writes `program`, `baseline` and `golden`. */
  folder: string;
}

/** What it found. The files lie in the trial's folder until `use` returns. */
export interface Tried {
  kind: string;
  signature: Signature;
  /** What was given, opened: its digest (see `digestOf`), size, number of files, and which one holds the model. */
  source: { digest: string; bytes: number; files: number; main: string };
  facts: Record<string, string | number | boolean>;
  importance: Importance[];
  gates: Gate[];
  /** µs a row: of a single fresh one, and in a batch. */
  microseconds: number;
  batchMicroseconds: number;
  merging: Merging;
  placement: Placement;
  impute: (number | null)[];
  promise: { metric: 'accuracy' | 'mae'; value: number; rows: number } | null;
  hasBaseline: boolean;
  hasGolden: boolean;
}

/**
 * Tries a file in a process of its own, within bounds of time and memory; whatever the file does to that process, this
 * one goes on. As soon as the version is compiled, a second process loads it too, to weigh it. Throws coded errors;
 * `use` gets the result while its files are there. `memoryBytes`: see `weigh`.
 */
export function tryCandidate<T>(
  trial: Omit<Trial, 'folder'>,
  bounds: Bounds,
  use: (tried: Tried & Weight, folder: string) => Promise<T>,
  candidates = new Candidates(bounds),
): Promise<T> {
  const { name } = trial.file;
  return candidates.use(async (take) => {
    const tries = take();
    const { folder } = tries;
    let weight: Promise<Weight> | null = null;
    const tried = await tries.do<Tried>(
      { type: 'try', trial: { ...trial, folder } },
      name,
      'starting',
      (load) => {
        weight = take().do<Weight>({ type: 'weigh', load }, name, 'being loaded again');
        // Told when it is waited for.
        weight.catch(() => {});
      },
    );
    if (weight === null) throw new SlipwayError('INTERNAL', `${name} was tried, and did not load.`);
    return use({ ...tried, ...(await (weight as Promise<Weight>)) }, folder);
  });
}
