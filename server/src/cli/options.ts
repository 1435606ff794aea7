import { availableParallelism } from 'node:os';
import { resolve } from 'node:path';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { type Config, defaultConfig, defaultPython } from '../processes/config.ts';
import type { Remote } from './remote.ts';
import { UsageError } from './usage-error.ts';

const mostLanes = 64;

export interface RemoteOptions {
  server: string;
  key?: string;
  json?: boolean;
}

/** Every command that talks to a running server takes these. */
export function withRemote(command: Command): Command {
  return command
    .addOption(
      new Option('--server <url>', 'control address of a running Slipway')
        .default('http://127.0.0.1:8090')
        .env('SLIPWAY_SERVER')
        .argParser(address),
    )
    .addOption(new Option('--key <key>', 'its key, where it was started with --key-file').env('SLIPWAY_KEY'))
    .option('--json', 'print one JSON document and nothing else');
}

export function remoteOf(options: RemoteOptions): Remote {
  return { server: options.server, key: options.key };
}

export function address(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url === null || !/^https?:$/.test(url.protocol)) {
    throw new InvalidArgumentError('It is not an address like http://127.0.0.1:8090.');
  }
  return url.href;
}

export function wholeNumber(text: string): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(value))
    throw new InvalidArgumentError('It is not a whole number.');
  return value;
}

/** A day, ms: a timer takes no more than 24 of them, and beyond that ends at once. */
const longestMs = 24 * 3600_000;

/** How long something may take, ms. */
export const milliseconds = millisecondsBetween(1, longestMs);
/** How long a lane lets a request take because of others, ms. A turn of its event loop may be twice as long. */
export const wait = millisecondsBetween(10, 500);

function millisecondsBetween(least: number, most: number): (text: string) => number {
  return (text) => {
    const value = wholeNumber(text);
    if (value < least || value > most)
      throw new InvalidArgumentError(`It is not between ${least} and ${most} ms.`);
    return value;
  };
}

const units: Record<string, number> = {
  '': 1,
  B: 1,
  kB: 1e3,
  MB: 1e6,
  GB: 1e9,
  KiB: 2 ** 10,
  MiB: 2 ** 20,
  GiB: 2 ** 30,
};

/** A size: a whole number of bytes, or a number with a unit. */
export function bytes(text: string): number {
  const found = /^(\d+(?:\.\d+)?) ?([A-Za-z]*)$/.exec(text);
  const value = Math.round(Number(found?.[1]) * (units[found?.[2] ?? ''] ?? Number.NaN));
  if (!Number.isSafeInteger(value)) throw new InvalidArgumentError('It is no size, such as 64MB or 2GiB.');
  return value;
}

export function lanes(text: string): number {
  const value = text === 'auto' ? availableParallelism() : wholeNumber(text);
  if (value < 1 || value > mostLanes) throw new InvalidArgumentError(`It is not between 1 and ${mostLanes}.`);
  return value;
}

export function port(text: string): number {
  const value = wholeNumber(text);
  if (value > 65_535) throw new InvalidArgumentError('It is not a port.');
  return value;
}

export interface CandidateOptions {
  candidateTimeout: number;
  candidateMemory: number;
}

/** Every command that tries a file in a process of its own takes these. */
export function withCandidate(command: Command): Command {
  return command
    .option(
      '--candidate-timeout <ms>',
      'how long a file may take to be read, checked and timed before it is refused',
      milliseconds,
      defaultConfig.candidateMs,
    )
    .option(
      '--candidate-memory <size>',
      'what the process that does so may hold in memory',
      bytes,
      defaultConfig.candidateBytes,
    );
}

export interface PythonOptions {
  allowPython?: boolean;
  python?: string;
  pythonTimeout?: number;
  pythonMemory?: number;
}

/** Every command that may run a version's Python code takes these. */
export function withPython(command: Command): Command {
  const { callMs, bytes: most } = defaultPython;
  return command
    .option('--allow-python', 'run versions that are Python code: whoever may deploy may then run code here')
    .option('--python <path>', 'the interpreter for them (default: python3)')
    .option(
      '--python-timeout <ms>',
      `how long one call of their predict may take (default: ${callMs})`,
      milliseconds,
    )
    .option('--python-memory <size>', `what the process of one may hold in memory (default: ${most})`, bytes);
}

/** Throws a UsageError for settings of what is not allowed. */
export function pythonOf({
  allowPython,
  python,
  pythonTimeout,
  pythonMemory,
}: PythonOptions): Config['python'] {
  if (!allowPython) {
    if (python === undefined && pythonTimeout === undefined && pythonMemory === undefined) return null;
    throw new UsageError('Python code is not run without --allow-python.', 'Add --allow-python.');
  }
  return {
    ...defaultPython,
    // A path is meant from here, not from where the code lies.
    ...(python ? { interpreter: python.includes('/') ? resolve(python) : python } : {}),
    ...(pythonTimeout ? { callMs: pythonTimeout } : {}),
    ...(pythonMemory ? { bytes: pythonMemory } : {}),
  };
}

/** A rate between 0 and a half. */
export function errorRate(text: string): number {
  const value = Number(text);
  if (!(value > 0 && value <= 0.5)) throw new InvalidArgumentError('It is not above 0 and at most 0.5.');
  return value;
}

export function list(text: string): string[] {
  return text
    .split(',')
    .map((one) => one.trim())
    .filter((one) => one.length > 0);
}
