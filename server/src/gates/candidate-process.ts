import { type ChildProcess, fork } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { extname, join } from 'node:path';
import { inBackground, setBackground } from '../background.ts';
import { byteText } from '../byte-text.ts';
import { SlipwayError, toSlipwayError } from '../errors.ts';
import { pythonEnvironment } from '../models/python/environment.ts';
import type { PythonSettings } from '../models/python/settings.ts';
import { isUpstreamVariable } from '../models/remote/settings.ts';
import { residentBytes } from '../resident.ts';
import { tied } from '../tied.ts';
import type { Trial } from './candidate.ts';
import type { Load } from './weigh.ts';

/** A candidate process does one of these, and ends. `python`: how it runs Python code; null: not at all. */
export type CandidateRequest = { python: PythonSettings | null } & CandidateWork;

export type CandidateWork = { type: 'try'; trial: Trial } | { type: 'weigh'; load: Load };

export type CandidateAnswer =
  | { type: 'done'; result: unknown }
  | { type: 'failed'; error: CodedBody }
  /** What it is doing now, for the message when it does not come back. */
  | { type: 'step'; step: string }
  /** The version loads, and its program lies in the trial's folder. */
  | { type: 'loads'; load: Load };

type CodedBody = Parameters<typeof toSlipwayError>[0];

export interface Bounds {
  /** For each process's work, ms. */
  milliseconds: number;
  /** Resident, bytes. */
  bytes: number;
  /** How Python code is run, which has bounds of its own; absent: not at all. */
  python?: Omit<PythonSettings, 'folder'> | null;
}

/**
 * V8 does all on one thread, so that a candidate wants one processor at a time and is timed on optimised code. Its heap
 * is not collected before it has grown to more than most ever need, MB.
 */
const heapMegabytes = 256;
const lookMs = 50;
/** For so long it takes only what nobody else wants: most are done by then, and nobody has noticed, ms. */
const backgroundMs = 1000;

/** A process that does one piece of work within bounds of time and memory, in a temporary folder of its own. */
export class CandidateProcess {
  readonly folder: string;
  readonly #bounds: Bounds;
  readonly #child: ChildProcess;

  /** Starts it; it has no work yet. `name`: how its folder's name begins. */
  constructor(bounds: Bounds, name: string) {
    this.#bounds = bounds;
    this.folder = mkdtempSync(join(tmpdir(), name));
    // The heap's own limit is below the process's, so that most excess ends as an error with a name.
    const mostMegabytes = Math.floor(bounds.bytes / 2 ** 20 / 2);
    const module = new URL(`../processes/candidate${extname(import.meta.url)}`, import.meta.url);
    this.#child = fork(module, {
      cwd: this.folder,
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
      // One that hangs outlives nobody who would end it.
      ...tied(
        inBackground([
          `--max-old-space-size=${mostMegabytes}`,
          `--initial-old-space-size=${Math.min(heapMegabytes, mostMegabytes)}`,
          '--single-threaded',
          '--expose-gc',
        ]),
      ),
      env: {
        ...upstreamVariables(),
        ...compileCache(),
        ...(bounds.python ? pythonEnvironment(process.env) : {}),
        PATH: process.env.PATH ?? '',
        TMPDIR: this.folder,
      },
    });
    // Whoever gives it work listens; one that dies before is not alive.
    this.#child.on('error', () => {});
  }

  get isAlive(): boolean {
    return this.#child.connected && this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** Its one piece of work. `name`: of the file, for messages. Throws what it throws, and CANDIDATE_*. */
  do<T>(
    work: CandidateWork,
    name: string,
    first: string,
    onLoads: (load: Load) => void = () => {},
  ): Promise<T> {
    const bounds = this.#bounds;
    const child = this.#child;
    const python = bounds.python ? { ...bounds.python, folder: join(this.folder, 'python') } : null;
    return new Promise((resolve, reject) => {
      let step = first;
      const settle = (end: () => void): void => {
        clearTimeout(timer);
        clearTimeout(longer);
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
            `${name} was not done after ${bounds.milliseconds / 1000} s, while ${step}.`,
          ),
        );
      }, bounds.milliseconds);
      const longer = setTimeout(() => {
        if (child.pid !== undefined) setBackground(child.pid, false);
      }, backgroundMs);
      const look = setInterval(() => {
        const bytes = residentBytes(child.pid ?? 0);
        if (bytes > bounds.bytes) {
          fail(
            new SlipwayError(
              'CANDIDATE_MEMORY',
              `${name} needed more than ${byteText(bounds.bytes)} while ${step}.`,
            ),
          );
        }
      }, lookMs);
      child.on('message', (answer: CandidateAnswer) => {
        if (answer.type === 'step') step = answer.step;
        else if (answer.type === 'loads') onLoads(answer.load);
        else if (answer.type === 'done') settle(() => resolve(answer.result as T));
        else fail(inTrial(toSlipwayError(answer.error), name, step));
      });
      child.on('exit', (code, signal) => {
        const how = signal ? `by ${signal}` : `with code ${code}`;
        const crashed = (): void =>
          fail(
            new SlipwayError(
              'CANDIDATE_CRASHED',
              `${name} ended the process it was tried in (${how}) while ${step}.`,
            ),
          );
        // What it said last may still be on its way, the result too.
        if (child.connected) child.on('disconnect', crashed);
        else crashed();
      });
      child.on('error', (error) =>
        fail(new SlipwayError('CANDIDATE_CRASHED', `${name} could not be tried: ${error.message}.`)),
      );
      const request: CandidateRequest = { ...work, python };
      child.send(request);
    });
  }

  /** Ends it, whatever it does, and removes its folder. */
  end(): void {
    this.#child.kill('SIGKILL');
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 2 });
  }
}

/** Nobody asked it a row: its gates did. */
function inTrial(error: SlipwayError, name: string, step: string): SlipwayError {
  if (error.code !== 'PREDICTION_FAILED' && error.code !== 'ROW_REFUSED') return error;
  return new SlipwayError(
    'GATE_FAILED',
    `${name}, while ${step}: ${error.message}`,
    'It has to answer rows like those of the training data and the golden rows that are given with it. Mend it, or them.',
  );
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
