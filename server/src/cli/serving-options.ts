import { type Command, InvalidArgumentError, Option } from 'commander';
import type { ServingRequest } from '../api-serving.ts';
import { bytes, list, wholeNumber } from './options.ts';
import { UsageError } from './usage-error.ts';

export interface ServingOptions {
  batching?: 'auto' | 'on' | 'off';
  batchSize?: number;
  batchPreferred?: number[];
  batchDelay?: number;
  priorityLevels?: number;
  defaultPriority?: number;
  queueTimeout?: number | 'none';
  cache?: number;
  timeout?: number | 'none';
}

/** How a version is served: what `deploy` and `tune` take. */
export function withServing(command: Command): Command {
  return command
    .addOption(
      new Option(
        '--batching <when>',
        'merge requests that wait into one call: auto, where the gate found it to pay',
      ).choices(['auto', 'on', 'off']),
    )
    .option('--batch-size <rows>', 'rows in one call, at most', wholeNumber)
    .option(
      '--batch-preferred <sizes>',
      'rows, by commas: requests that make up one of these go at once; none',
      sizes,
    )
    .option('--batch-delay <ms>', 'how long a request may wait for others; 0: for none', milliseconds)
    .option('--priority-levels <count>', 'of requests that wait; 1 goes first', wholeNumber)
    .option('--default-priority <level>', 'of requests that name none', wholeNumber)
    .option('--queue-timeout <ms>', 'refuse what waits longer; none: let it wait', bound)
    .option(
      '--cache <size>',
      'keep answers by the content of their rows, in each lane up to 64MB, say; off',
      cacheBytes,
    )
    .option('--timeout <ms>', 'longest that a request may take; none', bound);
}

/** What was said of it; null: nothing. */
export function servingRequest(options: ServingOptions): ServingRequest | null {
  const { batching, batchSize, batchPreferred, batchDelay, priorityLevels, defaultPriority } = options;
  const { queueTimeout, cache, timeout } = options;
  const details = {
    ...(batchSize === undefined ? {} : { maxSize: batchSize }),
    ...(batchPreferred === undefined ? {} : { preferredSizes: batchPreferred }),
    ...(batchDelay === undefined ? {} : { maxDelayMs: batchDelay }),
    ...(priorityLevels === undefined ? {} : { priorityLevels }),
    ...(defaultPriority === undefined ? {} : { defaultPriority }),
    ...(queueTimeout === undefined ? {} : { queueTimeoutMs: boundOf(queueTimeout) }),
  };
  const hasDetails = Object.keys(details).length > 0;
  if (hasDetails && (batching === 'off' || batching === 'auto')) {
    throw new UsageError(
      `--batching ${batching} leaves nothing to say of how requests are merged.`,
      'Leave it out, or say --batching on.',
    );
  }
  const request: ServingRequest = {
    ...(hasDetails || batching === 'on' ? { batching: details } : batching ? { batching } : {}),
    ...(cache === undefined ? {} : { cacheBytes: cache }),
    ...(timeout === undefined ? {} : { timeoutMs: boundOf(timeout) }),
  };
  return Object.keys(request).length > 0 ? request : null;
}

function sizes(text: string): number[] {
  return text === 'none' ? [] : list(text).map(wholeNumber);
}

function milliseconds(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !(value >= 0)) throw new InvalidArgumentError('It is not a number of ms.');
  return value;
}

function bound(text: string): number | 'none' {
  return text === 'none' ? text : milliseconds(text);
}

function boundOf(given: number | 'none'): number | null {
  return given === 'none' ? null : given;
}

function cacheBytes(text: string): number {
  return text === 'off' ? 0 : bytes(text);
}
