import type { Actor } from '../../actor.ts';
import { SlipwayError } from '../../errors.ts';
import { isObject, parseJson } from '../../json.ts';
import { type BodyBounds, type Most, most } from '../../lane/body-bounds.ts';
import { type Catalog, loadRefused, versionNamed } from '../../lane/catalog.ts';
import { readParameters } from '../../oip/infer-json.ts';
import { jsonLengthHeader } from './answer-rows.ts';
import { type Exchange, small, smallBytes } from './exchange.ts';
import { type RowsParts, takeRows } from './rows.ts';

/** What the edges of standard protocols need. */
export interface ProtocolParts extends RowsParts {
  catalog: Catalog;
  by: Actor;
  /** Throws where no body may come, or not from there. */
  receive: () => void;
}

/** The Open Inference Protocol v2 over REST with Triton's extensions. Returns whether there is something at the path. */
export function openInference(parts: ProtocolParts, exchange: Exchange): boolean {
  const { catalog, receive, bodies, by } = parts;
  const { path } = exchange;
  if (path === '/v2' || path === '/v2/') {
    exchange.takes('GET');
    exchange.answer(200, catalog.server());
    return true;
  }
  if (path === '/v2/repository/index') {
    receive();
    const use = (bytes: Buffer): void => {
      const { ready } = readOptions(bytes);
      later(exchange, catalog.index(ready === true));
    };
    exchange.bytes(bodies, use, small(bodies, 'Send {"ready": true}, or no body.'));
    return true;
  }
  const change = /^\/v2\/repository\/models\/([^/]+)\/(load|unload)$/.exec(path);
  if (change) {
    receive();
    const model = decode(change[1]!);
    const use = (bytes: Buffer): void => {
      const { parameters } = readOptions(bytes);
      const done =
        change[2] === 'load'
          ? catalog.load(model, readParameters(parameters, 'The request'), by)
          : catalog.unload(model, by.name);
      later(
        exchange,
        done.then(() => ({})),
      );
    };
    exchange.bytes(
      bodies,
      use,
      change[2] === 'load' ? mostLoaded(model, by, bodies) : small(bodies, 'Send no body.'),
    );
    return true;
  }
  if (path === '/v2/models/stats') {
    exchange.takes('GET');
    later(exchange, catalog.statistics('', null));
    return true;
  }
  const model = /^\/v2\/models\/([^/]+)(?:\/versions\/([^/]+))?(?:\/(infer|ready|config|stats))?$/.exec(path);
  if (!model) {
    refuseAbsent(path);
    return false;
  }
  ofModel(parts, exchange, decode(model[1]!), versionNamed(model[2] ?? ''), model[3]);
  return true;
}

/** A model's files may come with the request to load it. Nothing else is large, so whose may not is told that. */
function mostLoaded(model: string, by: Actor, bodies: BodyBounds): Most {
  if (by.isAdmin) return most(bodies.limit, 'Deploy the files with `slipway deploy`: it takes larger ones.');
  const bytes = smallBytes(bodies);
  return { bytes, refusal: () => loadRefused(`More than ${bytes} bytes`, model) };
}

/** What clients of Triton may ask that is not here. Throws NOT_FOUND. */
function refuseAbsent(path: string): void {
  const refuse = (message: string, hint: string): never => {
    throw new SlipwayError('NOT_FOUND', message, hint);
  };
  if (/^\/v2\/(system|cuda)sharedmemory\//.test(path))
    refuse('Slipway reads no shared memory.', 'Send the tensors’ data in the request.');
  if (/^\/v2\/(models\/[^/]+\/)?trace\/setting$/.test(path))
    refuse('Slipway has no trace settings.', 'Traces are OpenTelemetry’s: `slipway serve --otlp-endpoint`.');
  if (path === '/v2/logging') refuse('Slipway has no log settings.', 'It logs to its standard error.');
}

function ofModel(
  parts: ProtocolParts,
  exchange: Exchange,
  model: string,
  version: number | null,
  verb: string | undefined,
): void {
  const { catalog, receive } = parts;
  if (verb === 'infer') {
    receive();
    const length = exchange.request.headers[jsonLengthHeader];
    // What is no number is nobody's wish for the raw form, which 0 is.
    const jsonBytes = length === undefined ? null : Number(length || Number.NaN);
    takeRows(parts, exchange, { model, version, format: 'tensors', jsonBytes });
    return;
  }
  exchange.takes('GET');
  switch (verb) {
    case 'ready':
      catalog.checkReady(model, version);
      exchange.answer(200, { name: model, ready: true });
      break;
    case 'config':
      exchange.answer(200, catalog.config(model, version));
      break;
    case 'stats':
      later(exchange, catalog.statistics(model, version));
      break;
    default:
      exchange.answer(200, catalog.model(model, version));
  }
}

function later(exchange: Exchange, value: Promise<unknown>): void {
  value.then(
    (known) => exchange.answer(200, known),
    (error) => exchange.fail(error),
  );
}

/** A body of options may be left out. */
function readOptions(bytes: Buffer): Record<string, unknown> {
  if (bytes.length === 0) return {};
  const value = parseJson(bytes);
  if (!isObject(value)) throw new SlipwayError('INVALID_REQUEST', 'The body is not a JSON object.');
  return value;
}

/** A name in a path. Throws INVALID_REQUEST. */
export function decode(text: string): string {
  try {
    return text.includes('%') ? decodeURIComponent(text) : text;
  } catch {
    throw new SlipwayError('INVALID_REQUEST', `"${text.slice(0, 100)}" is not a valid name in a path.`);
  }
}
