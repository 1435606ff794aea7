import { SlipwayError } from '../../errors.ts';
import { isObject } from '../../json.ts';
import { shown } from '../../shown.ts';
import type { InputValue } from '../columns.ts';
import { readInputs } from './metadata.ts';

/** A remote version's file: JSON, described in docs/models.md. */
export interface RemoteSettings {
  /** http or https, which may have a path before /v2; grpc or grpcs. */
  url: string;
  /** The model's name at the upstream, and its version there; null: whichever it serves. */
  model: string;
  version: string | null;
  /** For a request with its retry, and within it for a connection, ms. */
  timeoutMs: number;
  connectMs: number;
  /** Requests at once, in each lane. */
  concurrency: number;
  /** Values may name environment variables: `Bearer ${SLIPWAY_UPSTREAM_TOKEN}`. */
  headers: Record<string, string>;
  /** Whether the upstream takes missing values, which JSON writes as null. */
  missing: boolean;
  /** Where the upstream's metadata does not say its inputs. */
  inputs: InputValue[] | null;
}

/** What lanes get: the file, all defaults filled in, and what was found out. */
export interface RemoteProgram extends RemoteSettings {
  /** Whether a REST upstream takes and gives tensors as bytes. */
  binary: boolean;
}

const fields = [
  'slipway',
  'url',
  'model',
  'version',
  'timeoutMs',
  'connectMs',
  'concurrency',
  'headers',
  'missing',
  'inputs',
];
const mostCharacters = 256;
const headerName = /^[a-z0-9!#$%&'*+.^_`|~-]+$/i;
/** gRPC's own metadata, and such as is no text. */
const grpcsOwn = /^grpc-|-bin$|[^a-z0-9_.-]/i;
const headerValue = /^[\t\x20-\x7e]*$/;
/** The connection's own. */
const ownHeaders =
  /^(connection|content-(length|type|encoding)|expect|host|keep-alive|te|trailer|transfer-encoding|upgrade|accept-encoding)$/i;
/** No other variable is read: the environment holds secrets that are not for upstreams. */
const variable = /\$\{([^}]*)\}/g;
const variableName = /^SLIPWAY_UPSTREAM_[A-Z0-9_]+$/;

export function isUpstreamVariable(name: string): boolean {
  return variableName.test(name);
}

/** Reads it strictly. Throws FILE_BROKEN, naming the file and the field. */
export function readSettings(text: string, file: string): RemoteSettings {
  const broken = (message: string): never => {
    throw new SlipwayError(
      'FILE_BROKEN',
      `${file}: ${message}`,
      'See docs/models.md for what a remote version’s file holds.',
    );
  };
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (error) {
    return broken(`it is not JSON: ${(error as Error).message}.`);
  }
  if (!isObject(parsed) || parsed.slipway !== 'remote')
    return broken('it is not a JSON object with "slipway": "remote".');
  const given = new Map(Object.entries(parsed));
  for (const name of given.keys())
    if (!fields.includes(name)) broken(`${shown(name)} is no field of a remote version’s file.`);
  const text256 = (name: string): string => {
    const value = given.get(name);
    const fits = typeof value === 'string' && value.length > 0 && value.length <= mostCharacters;
    return fits ? value : broken(`"${name}" is not a text of up to ${mostCharacters} characters.`);
  };
  const whole = (name: string, usual: number, most: number): number => {
    const value = given.get(name) ?? usual;
    const fits = Number.isInteger(value) && (value as number) >= 1 && (value as number) <= most;
    return fits ? (value as number) : broken(`"${name}" is not a whole number from 1 to ${most}.`);
  };
  const missing = given.get('missing') ?? false;
  if (typeof missing !== 'boolean') return broken('"missing" is not true or false.');
  const inputs = given.get('inputs') ?? null;
  const url = readUrl(text256('url'), broken);
  return {
    url,
    model: text256('model'),
    version: given.has('version') ? text256('version') : null,
    timeoutMs: whole('timeoutMs', 5_000, 600_000),
    connectMs: whole('connectMs', 1_000, 60_000),
    concurrency: whole('concurrency', 64, 1024),
    headers: readHeaders(given.get('headers') ?? {}, isGrpc(url), broken),
    missing,
    inputs: inputs === null ? null : readInputs(inputs, broken),
  };
}

function readUrl(text: string, broken: (message: string) => never): string {
  const url = URL.canParse(text) ? new URL(text) : broken(`"url" ${shown(text)} is no URL.`);
  if (!['http:', 'https:', 'grpc:', 'grpcs:'].includes(url.protocol))
    broken('"url" is neither http nor https, grpc nor grpcs.');
  if (isGrpc(text) && (url.port === '' || !/^\/?$/.test(url.pathname)))
    broken('"url" is not a host and its port, as in grpc://models:8081: gRPC has no paths.');
  if (url.username !== '' || url.password !== '')
    broken('"url" holds a name or password: put it into "headers", out of an environment variable.');
  if (url.search !== '' || url.hash !== '') broken('"url" has a query or a fragment.');
  return url.href;
}

export function isGrpc(url: string): boolean {
  return /^grpcs?:/i.test(url);
}

function readHeaders(
  value: unknown,
  forGrpc: boolean,
  broken: (message: string) => never,
): Record<string, string> {
  if (!isObject(value)) return broken('"headers" is not an object.');
  const headers: [string, string][] = [];
  for (const [name, text] of Object.entries(value)) {
    if (!headerName.test(name) || ownHeaders.test(name) || (forGrpc && grpcsOwn.test(name)))
      broken(`${shown(name)} is no header to be set.`);
    if (typeof text !== 'string' || !headerValue.test(text))
      return broken(`Header ${shown(name)} is not a line of ASCII text.`);
    for (const [, named] of text.matchAll(variable))
      if (!isUpstreamVariable(named!))
        broken(`Header ${shown(name)} names ${shown(named)}; only variables SLIPWAY_UPSTREAM_… are read.`);
    headers.push([name, text]);
  }
  return Object.fromEntries(headers);
}

/** The headers with their variables filled in. Throws UPSTREAM_FAILED, naming a variable that is not set. */
export function filledHeaders(
  headers: Record<string, string>,
  environment: NodeJS.ProcessEnv,
): Record<string, string> {
  const filled = Object.entries(headers).map(([name, text]) => {
    const value = text.replace(variable, (_, named: string) => {
      const found = environment[named];
      if (found !== undefined && headerValue.test(found)) return found;
      throw new SlipwayError(
        'UPSTREAM_FAILED',
        `Header "${name}" needs the environment variable ${named}, which is ${found === undefined ? 'not set' : 'no line of ASCII text'}.`,
        'Set it where `slipway serve` is started.',
      );
    });
    return [name, value] as const;
  });
  return Object.fromEntries(filled);
}
