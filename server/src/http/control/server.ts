import { createServer, type Server } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import type { Socket } from 'node:net';
import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import { errorBody, errorTable, SlipwayError } from '../../errors.ts';
import type { Keys } from '../keys.ts';
import { refuseUnread } from '../refuse-unread.ts';
import type { Tls } from '../tls.ts';
import { guard } from './guard.ts';
import { refuseOtherMethods } from './methods.ts';
import { describe } from './openapi.ts';
import { pages } from './pages.ts';
import { type ControlEdge, routes } from './routes.ts';
import { validate } from './validate.ts';

/** JSON bodies; uploads have a bound of their own. */
const bodyLimit = 1024 * 1024;
/** A name in a path may be as long as node:http lets a head be: what it names is not there, and that is said. */
const maxParamLength = 16_384;
/** Connections that have had their last answer are looked for this often while closing, ms. */
const drainMs = 20;

/** Control over HTTP: API with OpenAPI, metrics, health and the console. */
export async function controlServer(
  edge: ControlEdge,
  keys: Keys,
  tls: Tls | null,
  port: () => number,
): Promise<FastifyInstance> {
  const app = Fastify({
    bodyLimit,
    routerOptions: { maxParamLength },
    // Errors of the router itself (a malformed URL) take the same way as all others.
    frameworkErrors: (error, _request, reply) => {
      answerError(error, reply as unknown as FastifyReply);
    },
    clientErrorHandler: (error, socket) => refuseUnread(error, socket as Socket),
    serverFactory: (handler) => (tls ? createSecureServer(tls, handler) : createServer(handler)),
  });
  // The socket is the supervisor's, so Fastify does not know that it listens, and would cut what is being answered.
  app.addHook('preClose', () => {
    edge.changes.close();
    return drained(app.server);
  });
  app.setErrorHandler((error, request, reply) => {
    if (errorBody(coded(error)).code === 'INTERNAL')
      edge.log.error({ err: error, url: request.url }, 'A request failed');
    answerError(error, reply);
  });
  app.setValidatorCompiler(validate);
  app.addContentTypeParser('application/octet-stream', (_request: FastifyRequest, payload, done) =>
    done(null, payload),
  );
  guard(app, keys, port);
  await describe(app);
  const refuseOthers = refuseOtherMethods(app);
  await app.register(async (scope) => routes(scope, edge));
  app.get('/api/openapi.json', { schema: { hide: true } }, async () => app.swagger());
  refuseOthers();
  await pages(app);
  await app.ready();
  return app;
}

/** Accepts no more, and resolves when the last request has had its answer. */
function drained(server: Server): Promise<void> {
  if (!server.listening) return Promise.resolve();
  return new Promise((resolve) => {
    const look = setInterval(() => server.closeIdleConnections(), drainMs);
    server.close(() => {
      clearInterval(look);
      resolve();
    });
  });
}

function answerError(error: unknown, reply: FastifyReply): void {
  const body = errorBody(coded(error));
  void reply.status(errorTable[body.code].status).type('application/json').send({ error: body });
}

/** Fastify's own errors in our table's words. */
function coded(error: unknown): unknown {
  if (error instanceof SlipwayError) return error;
  const { code, statusCode, message } = error as { code?: string; statusCode?: number; message: string };
  if (code === 'FST_ERR_CTP_BODY_TOO_LARGE')
    return new SlipwayError(
      'BODY_TOO_LARGE',
      `${message}.`,
      'Files are sent by themselves: PUT /api/uploads.',
    );
  if (code === 'FST_ERR_CTP_INVALID_MEDIA_TYPE') return new SlipwayError('UNSUPPORTED_CONTENT_TYPE', message);
  if (code === 'FST_ERR_CTP_INVALID_JSON_BODY' || code === 'FST_ERR_CTP_EMPTY_JSON_BODY')
    return new SlipwayError('INVALID_JSON', `${message}.`);
  if (statusCode !== undefined && statusCode >= 400 && statusCode < 500)
    return new SlipwayError('INVALID_REQUEST', message);
  return error;
}
