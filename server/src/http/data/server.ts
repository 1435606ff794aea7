import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import type { Socket } from 'node:net';
import { SlipwayError } from '../../errors.ts';
import type { Finder } from '../../journal/find.ts';
import { parseJson } from '../../json.ts';
import type { BodyBounds } from '../../lane/body-bounds.ts';
import type { Catalog } from '../../lane/catalog.ts';
import type { DataPlane } from '../../lane/data-plane.ts';
import type { LoopsLine } from '../../lane/loops-line.ts';
import type { Tracer } from '../../lane/tracer.ts';
import type { Keys } from '../keys.ts';
import { refuseUnread } from '../refuse-unread.ts';
import type { Tls } from '../tls.ts';
import { Doorman } from './doorman.ts';
import { Exchange, isProbe, small } from './exchange.ts';
import { refuseForeignNames, refuseForeignPages } from './foreign.ts';
import { answerHalfClosed } from './half-closed.ts';
import { kserve } from './kserve.ts';
import { labels } from './labels.ts';
import { decode, openInference } from './open-inference.ts';
import { codedRefusal, plainRefusal } from './refusal.ts';
import { takeRows } from './rows.ts';

export interface DataParts {
  plane: DataPlane;
  catalog: Catalog;
  loops: LoopsLine;
  finder: Finder;
  keys: Keys;
  tls: Tls | null;
  bodies: BodyBounds;
  /** Where a browser that comes here is led to. */
  console: string;
  /** null: no exporter is configured. */
  tracer: Tracer | null;
  ready: () => boolean;
}

interface DataEdge extends DataParts {
  doorman: Doorman;
}

/** What a plain request for predictions (POST /predict, /v1, /v2) has there where it is of a standard protocol. */
const ofProtocols = 'POST /'.length;
const protocols = 'v'.charCodeAt(0);

/** Connections are kept for callers that come again, ms. */
const keepAliveMs = 75_000;

/** The data plane over HTTP: bare node:http, because its whole routing is a handful of prefixes (docs/adr/0007-data-plane-http.md). */
export function dataServer(parts: DataParts): Server {
  const { admission } = parts.plane;
  const doorman = new Doorman((chunk) => {
    // A lane that stops says so with each answer: that is node:http's.
    if (!parts.ready() || !admission.isFull(performance.now())) return null;
    admission.refuses();
    return chunk[ofProtocols] === protocols ? plainRefusal.whole : codedRefusal.whole;
  });
  const edge = { ...parts, doorman };
  const answer = (request: IncomingMessage, response: ServerResponse, awaitsContinue = false): void => {
    doorman.came(request, response);
    const exchange = new Exchange(request, response, edge.tracer, awaitsContinue);
    try {
      handle(edge, exchange);
    } catch (error) {
      exchange.fail(error);
    }
  };
  // A request without a Host is refused as others are.
  const options = { keepAliveTimeout: keepAliveMs, requireHostHeader: false };
  const { tls } = edge;
  const server = tls ? createSecureServer({ ...options, ...tls }, answer) : createServer(options, answer);
  // Else node:http would ask for every body, also for one that is too large.
  server.on('checkContinue', (request, response) => answer(request, response, true));
  // What else is expected may be left alone (RFC 9110, 10.1.1).
  server.on('checkExpectation', answer);
  server.on('clientError', refuseUnread);
  if (!tls) {
    server.on('connection', (socket) => doorman.watch(socket, server.requestTimeout));
    answerHalfClosed(server);
  } else {
    // Who listens has node:https read by the stream. Else its parser, once paused, is given what else has been
    // decrypted, and many requests at once end the connection (HPE_PAUSED, Node 26.10).
    server.on('secureConnection', (socket: Socket) => socket.on('data', () => {}));
  }
  return server;
}

function handle(edge: DataEdge, exchange: Exchange): void {
  const { path, request } = exchange;
  refuseUnclearHost(request);
  if (isProbe(path)) {
    health(edge, exchange);
    return;
  }
  // Without keys whoever reaches the loopback address may ask, and any site's page does through its reader's browser.
  if (!edge.keys.needed) refuseForeignNames(exchange);
  const by = edge.keys.actor(request.headers.authorization);
  if (path.startsWith('/predict/')) {
    const model = decode(path.slice('/predict/'.length));
    receive(edge, exchange);
    takeRows(edge, exchange, { model, version: null, format: 'namedRows', jsonBytes: null });
  } else if (path === '/labels') {
    receive(edge, exchange);
    const { plane, loops, finder, bodies } = edge;
    const use = (bytes: Buffer): void => labels(plane, loops, finder, exchange, parseJson(bytes, true));
    exchange.bytes(bodies, use, small(bodies, 'Send fewer labels a request.'));
  } else if (path === '/') {
    root(edge, exchange);
  } else {
    const parts = { ...edge, by, receive: () => receive(edge, exchange) };
    const isThere = path.startsWith('/v1/') ? kserve(parts, exchange) : openInference(parts, exchange);
    if (!isThere) throw nothingAt(path);
  }
}

/** Who stands before this server may have gone by another Host (RFC 9112, 3.2). Throws INVALID_REQUEST. */
function refuseUnclearHost({ rawHeaders, httpVersion }: IncomingMessage): void {
  let hosts = 0;
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i]!;
    if (name.length === 4 && name.toLowerCase() === 'host') hosts++;
  }
  if (hosts === 1 || (hosts === 0 && httpVersion === '1.0')) return;
  throw new SlipwayError('INVALID_REQUEST', `The request has ${hosts} Host headers.`, 'Send one.');
}

/** A browser is led to the console; KServe's clients ask here whether the server lives. */
function root(edge: DataEdge, exchange: Exchange): void {
  exchange.takes('GET');
  if (/\btext\/html\b/.test(exchange.request.headers.accept ?? '')) {
    exchange.response.writeHead(302, { location: edge.console }).end();
  } else exchange.answer(200, { name: 'slipway', status: 'alive', console: edge.console });
}

function health(edge: DataEdge, exchange: Exchange): void {
  const asked = /^(?:\/v2)?\/health\/(live|ready)$/.exec(exchange.path)?.[1];
  if (!asked) throw nothingAt(exchange.path);
  exchange.takes('GET');
  if (asked === 'live') exchange.answer(200, { live: true });
  else exchange.answer(edge.ready() ? 200 : 503, { ready: edge.ready() });
}

/** Whether a body may come: by which method, and from whom. */
function receive(edge: DataEdge, exchange: Exchange): void {
  exchange.takes('POST');
  if (!edge.keys.needed) refuseForeignPages(exchange);
}

function nothingAt(path: string): SlipwayError {
  return new SlipwayError(
    'NOT_FOUND',
    `There is nothing at ${path.slice(0, 200)}.`,
    'The data plane has POST /predict/{model}, POST /labels, /v1/models and /v2/models. The rest is at the control address.',
  );
}
