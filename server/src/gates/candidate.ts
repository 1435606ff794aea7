import { fork } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { extname, join } from 'node:path';
import type { Gate } from '../api.ts';
import { type ErrorBody, SlipwayError, toSlipwayError } from '../errors.ts';
import type { Importance, ModelHints } from '../models/model.ts';
import { pythonEnvironment } from '../models/python/environment.ts';
import type { PythonSettings } from '../models/python/settings.ts';
import { isUpstreamVariable } from '../models/remote/settings.ts';
import type { Placement } from '../placement.ts';
import { residentBytes } from '../resident.ts';
import type { Merging } from '../serving.ts';
import type { Signature } from '../signature.ts';
import type { Load, Weight } from './weigh.ts';

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

/** A candidate process does one of these, and ends. `python`: how it runs Python code; null: not at all. */
export type CandidateRequest = { python: PythonSettings | null } & (
  | { type: 'try'; trial: Trial }
  | { type: 'weigh'; load: Load }
);

export type CandidateAnswer =
  | { type: 'done'; result: unknown }
  | { type: 'failed'; error: ErrorBody }
  /** What it is doing now, for the message when it does not come back. */
  | { type: 'step'; step: string };

export interface Bounds {
  /** For all of it, ms. */
  milliseconds: number;
  /** Resident, bytes. */
  bytes: number;
  /** How Python code is run, which has bounds of its own; absent: not at all. */
  python?: Omit<PythonSettings, 'folder'> | null;
}

const lookMs = 50;

/**
 * Tries a file in a process of its own, within bounds of time and memory; whatever the file does to that
 * process, this one goes on. A second process loads what came of it, to weigh it. Throws coded errors; `use` gets
 * the result while its files are there. `memoryBytes`: see `weigh`.
 */
export async function tryCandidate<T>(
  trial: Omit<Trial, 'folder'>,
  bounds: Bounds,
  use: (tried: Tried & Weight, folder: string) => Promise<T>,
): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), 'slipway-candidate-'));
  const python = bounds.python ? { ...bounds.python, folder: join(folder, 'python') } : null;
  const { name } = trial.file;
  try {
    const tried = await run<Tried>(
      { type: 'try', trial: { ...trial, folder }, python },
      { name, folder, bounds, step: 'starting' },
    );
    const { kind, signature } = tried;
    const load = { kind, signature, program: join(folder, 'program') };
    const weight = await run<Weight>(
      { type: 'weigh', load, python },
      { name, folder, bounds, step: 'being loaded again' },
    );
    return await use({ ...tried, ...weight }, folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function run<T>(
  request: CandidateRequest,
  { name, folder, bounds, step: first }: { name: string; folder: string; bounds: Bounds; step: string },
): Promise<T> {
  const module = new URL(`../processes/candidate${extname(import.meta.url)}`, import.meta.url);
  const child = fork(module, {
    cwd: folder,
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    // The heap's own limit is below the process's, so that most excess ends as an error with a name.
    execArgv: [`--max-old-space-size=${Math.floor(bounds.bytes / 2 ** 20 / 2)}`, '--expose-gc'],
    env: {
      ...upstreamVariables(),
      ...compileCache(),
      ...(bounds.python ? pythonEnvironment(process.env) : {}),
      PATH: process.env.PATH ?? '',
      TMPDIR: folder,
    },
  });
  return new Promise((resolve, reject) => {
    let step = first;
    const settle = (end: () => void): void => {
      clearTimeout(timer);
      clearInterval(look);
      child.removeAllListeners();
      child.on('error', () => {});
      child.kill('SIGKILL');
      end();
    };
    const fail = (error: SlipwayError): void => settle(() => reject(error));
    const timer = setTimeout(() => {
      fail(
        new SlipwayError(
          'CANDIDATE_TIMEOUT',
          `${name} was not done ${step} after ${bounds.milliseconds / 1000} s.`,
        ),
      );
    }, bounds.milliseconds);
    const look = setInterval(() => {
      const bytes = residentBytes(child.pid ?? 0);
      if (bytes > bounds.bytes) {
        fail(
          new SlipwayError(
            'CANDIDATE_MEMORY',
            `${name} needed more than ${Math.round(bounds.bytes / 2 ** 20)} MB while ${step}.`,
          ),
        );
      }
    }, lookMs);
    child.on('message', (answer: CandidateAnswer) => {
      if (answer.type === 'step') step = answer.step;
      else if (answer.type === 'done') settle(() => resolve(answer.result as T));
      else fail(toSlipwayError(answer.error));
    });
    child.on('exit', (code, signal) => {
      const how = signal ? `by ${signal}` : `with code ${code}`;
      fail(
        new SlipwayError(
          'CANDIDATE_CRASHED',
          `${name} ended the process it was tried in (${how}) while ${step}.`,
        ),
      );
    });
    child.on('error', (error) =>
      fail(new SlipwayError('CANDIDATE_CRASHED', `${name} could not be tried: ${error.message}.`)),
    );
    child.send(request);
  });
}

/**
 * Of the server's environment, what remote versions may name, and which authorities beyond the usual ones vouch for their
 * servers. No more: a file can read its own process's.
 */
function upstreamVariables(): NodeJS.ProcessEnv {
  const isWanted = (name: string) => isUpstreamVariable(name) || name === 'NODE_EXTRA_CA_CERTS';
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => isWanted(name)));
}

/** Where processes keep what V8 has made of Slipway's own code. */
function compileCache(): NodeJS.ProcessEnv {
  const { NODE_COMPILE_CACHE: folder } = process.env;
  return folder === undefined ? {} : { NODE_COMPILE_CACHE: folder };
}
