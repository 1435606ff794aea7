import { createServer } from 'node:http';
import swagger from '@fastify/swagger';
import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import { errorBody, errorTable, SlipwayError } from '../../errors.ts';
import { productVersion } from '../../product.ts';
import type { Keys } from '../keys.ts';
import { guard } from './guard.ts';
import { pages } from './pages.ts';
import { type ControlEdge, routes } from './routes.ts';

/** JSON bodies; uploads have a bound of their own. */
const bodyLimit = 1024 * 1024;

/** Control over HTTP: API with OpenAPI, metrics, health and the console. */
export async function controlServer(
  edge: ControlEdge,
  keys: Keys,
  port: () => number,
): Promise<FastifyInstance> {
  const app = Fastify({
    bodyLimit,
    // Errors of the router itself (a malformed URL) take the same way as all others.
    frameworkErrors: (error, _request, reply) => {
      answerError(error, reply as unknown as FastifyReply);
    },
    serverFactory: (handler) => createServer(handler),
    forceCloseConnections: true,
    ajv: { customOptions: { coerceTypes: 'array', removeAdditional: false } },
  });
  app.setErrorHandler((error, request, reply) => {
    if (errorBody(coded(error)).code === 'INTERNAL')
      edge.log.error({ err: error, url: request.url }, 'A request failed');
    answerError(error, reply);
  });
  app.addContentTypeParser('application/octet-stream', (_request: FastifyRequest, payload, done) =>
    done(null, payload),
  );
  guard(app, keys, port);
  await app.register(swagger, {
    openapi: {
      info: { title: 'Slipway control', version: productVersion, description: 'Deploy, promote, watch.' },
    },
  });
  await app.register(async (scope) => routes(scope, edge));
  app.get('/api/openapi.json', { schema: { hide: true } }, async () => app.swagger());
  await pages(app);
  await app.ready();
  return app;
}

function answerError(error: unknown, reply: FastifyReply): void {
  const body = errorBody(coded(error));
  void reply.status(errorTable[body.code].status).type('application/json').send({ error: body });
}

/** Fastify's own errors in our table's words. */
function coded(error: unknown): unknown {
  if (error instanceof SlipwayError) return error;
  const { code, statusCode, message, validation } = error as {
    code?: string;
    statusCode?: number;
    message: string;
    validation?: unknown;
  };
  if (validation) return new SlipwayError('INVALID_REQUEST', `${message}.`);
  if (code === 'FST_ERR_CTP_BODY_TOO_LARGE')
    return new SlipwayError('BODY_TOO_LARGE', `The body is larger than ${bodyLimit} bytes.`);
  if (code === 'FST_ERR_CTP_INVALID_MEDIA_TYPE') return new SlipwayError('UNSUPPORTED_CONTENT_TYPE', message);
  if (statusCode === 400)
    return new SlipwayError(error instanceof SyntaxError ? 'INVALID_JSON' : 'INVALID_REQUEST', message);
  return error;
}
