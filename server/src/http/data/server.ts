import { createServer, type IncomingMessage, type Server } from 'node:http';
import { SlipwayError } from '../../errors.ts';
import type { Finder } from '../../journal/find.ts';
import type { DataPlane } from '../../lane/data-plane.ts';
import type { LoopsLine } from '../../lane/loops-line.ts';
import type { Served } from '../../lane/served.ts';
import type { Keys } from '../keys.ts';
import { Exchange } from './exchange.ts';
import { labels } from './labels.ts';
import { infer, modelMetadata, serverMetadata } from './oip.ts';
import { predict } from './predict.ts';

export interface DataEdge {
  plane: DataPlane;
  served: Served;
  loops: LoopsLine;
  finder: Finder;
  keys: Keys;
  bodyLimit: number;
  /** Slipway's own version. */
  version: string;
  /** Where a browser that comes here is led to. */
  console: string;
  ready: () => boolean;
}

/** Connections are kept for callers that come again, ms. */
const keepAliveMs = 75_000;

/** The data plane over HTTP: bare node:http, because its whole routing is a handful of prefixes (docs/adr/0007-data-plane-http.md). */
export function dataServer(edge: DataEdge): Server {
  return createServer({ keepAliveTimeout: keepAliveMs }, (request, response) => {
    const exchange = new Exchange(request, response);
    try {
      handle(edge, exchange);
    } catch (error) {
      exchange.fail(error);
    }
  });
}

function handle(edge: DataEdge, exchange: Exchange): void {
  const { path, request } = exchange;
  if (path.startsWith('/health/') || path.startsWith('/v2/health/')) {
    health(edge, exchange);
    return;
  }
  edge.keys.actor(request.headers.authorization);
  if (path.startsWith('/predict/')) {
    const model = decode(path.slice('/predict/'.length));
    receive(edge, exchange, (body) => predict(edge.plane, exchange, model, body));
    return;
  }
  if (path === '/labels') {
    receive(edge, exchange, (body) => labels(edge.plane, edge.loops, edge.finder, exchange, body));
    return;
  }
  if (path === '/') {
    exchange.takes('GET');
    exchange.response.writeHead(302, { location: edge.console }).end();
    return;
  }
  if (path === '/v2' || path === '/v2/') {
    exchange.takes('GET');
    exchange.json(200, serverMetadata(edge.version));
    return;
  }
  const oip = /^\/v2\/models\/([^/]+)(?:\/versions\/([^/]+))?(?:\/(infer|ready))?$/.exec(path);
  if (!oip) throw nothingAt(path);
  openInference(edge, exchange, decode(oip[1]!), oip[2], oip[3]);
}

function openInference(
  edge: DataEdge,
  exchange: Exchange,
  model: string,
  versionText: string | undefined,
  verb: string | undefined,
): void {
  if (versionText !== undefined && !/^[1-9]\d{0,8}$/.test(versionText)) {
    throw new SlipwayError('VERSION_NOT_FOUND', `"${versionText.slice(0, 60)}" is no version number.`);
  }
  const version = versionText === undefined ? null : Number(versionText);
  if (verb === 'infer') {
    receive(edge, exchange, (body) => infer(edge.plane, exchange, model, version, body));
    return;
  }
  exchange.takes('GET');
  const arm = edge.plane.route(model, version);
  if (verb === 'ready') exchange.json(200, { name: model, ready: true });
  else exchange.json(200, modelMetadata(arm, [...(edge.served.model(model)?.arms.keys() ?? [])]));
}

function health(edge: DataEdge, exchange: Exchange): void {
  const asked = /^(?:\/v2)?\/health\/(live|ready)$/.exec(exchange.path)?.[1];
  if (!asked) throw nothingAt(exchange.path);
  exchange.takes('GET');
  if (asked === 'live') exchange.json(200, { live: true });
  else exchange.json(edge.ready() ? 200 : 503, { ready: edge.ready() });
}

/** Reads a body that a POST brings, from whom it may come. */
function receive(edge: DataEdge, exchange: Exchange, use: (body: unknown) => void): void {
  exchange.takes('POST');
  refuseForeignPages(edge, exchange.request);
  exchange.body(edge.bodyLimit, use);
}

function nothingAt(path: string): SlipwayError {
  return new SlipwayError(
    'NOT_FOUND',
    `There is nothing at ${path.slice(0, 200)}.`,
    'The data plane has POST /predict/{model}, POST /labels and /v2/models/{model}. The rest is at the control address.',
  );
}

/**
 * A page on another site may send simple POSTs to a loopback address, or reach it under a name of its own.
 * Browsers say so by Origin; other clients send none.
 */
function refuseForeignPages(edge: DataEdge, request: IncomingMessage): void {
  const { origin } = request.headers;
  if (origin === undefined || edge.keys.needed) return;
  let host = '';
  try {
    host = new URL(origin).hostname;
  } catch {
    // "null", or nonsense: foreign either way.
  }
  if (!/^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(host)) {
    throw new SlipwayError(
      'FORBIDDEN_ORIGIN',
      'Pages of other sites may not call this address.',
      'Call it from a server, or start Slipway with --key-file.',
    );
  }
  if (!/^application\/json\b/i.test(request.headers['content-type'] ?? '')) {
    throw new SlipwayError('UNSUPPORTED_CONTENT_TYPE', 'A browser’s request must be application/json.');
  }
}

function decode(text: string): string {
  try {
    return text.includes('%') ? decodeURIComponent(text) : text;
  } catch {
    throw new SlipwayError('INVALID_REQUEST', `"${text.slice(0, 100)}" is not a valid name in a path.`);
  }
}
