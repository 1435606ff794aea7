import { availableParallelism } from 'node:os';
import { type Command, InvalidArgumentError, Option } from 'commander';
import type { Remote } from './remote.ts';

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

function address(text: string): string {
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
