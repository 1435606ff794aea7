import type { FastifyInstance, FastifyRequest } from 'fastify';
import { SlipwayError } from '../../errors.ts';
import type { Keys } from '../keys.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** Name of the key that asks, or "local". */
    actor: string;
  }
}

const uploads = 'application/octet-stream';

/**
 * Who may ask what. A page of another site, or one that reached this address under a name of its own (DNS
 * rebinding), gets nothing; with keys, nobody without one.
 */
export function guard(app: FastifyInstance, keys: Keys, port: () => number): void {
  app.decorateRequest('actor', 'local');
  app.addHook('onRequest', async (request, reply) => {
    reply.headers(securityHeaders);
    if (request.url.startsWith('/health/')) return;
    if (!keys.needed) checkHost(request, port());
    checkOrigin(request);
    const isPage = !request.url.startsWith('/api') && !request.url.startsWith('/metrics');
    // The console's files are no secret; what it asks for is.
    if (!isPage) request.actor = keys.actor(request.headers.authorization);
    if (request.method !== 'GET' && request.method !== 'HEAD') checkType(request);
  });
}

function checkHost(request: FastifyRequest, port: number): void {
  const host = (request.headers.host ?? '').toLowerCase();
  const allowed = [`127.0.0.1:${port}`, `localhost:${port}`, `[::1]:${port}`];
  if (allowed.includes(host) || /^127\.\d+\.\d+\.\d+:\d+$/.test(host)) return;
  throw new SlipwayError('FORBIDDEN_ORIGIN', `This address is not known as "${host.slice(0, 100)}".`);
}

function checkOrigin(request: FastifyRequest): void {
  const { origin, host } = request.headers;
  if (origin === undefined) return;
  let from = '';
  try {
    from = new URL(origin).host;
  } catch {
    // "null", or nonsense: foreign either way.
  }
  if (from !== (host ?? '').toLowerCase()) {
    throw new SlipwayError('FORBIDDEN_ORIGIN', `Pages of ${origin.slice(0, 100)} may not call this address.`);
  }
}

function checkType(request: FastifyRequest): void {
  const type = (request.headers['content-type'] ?? '').split(';')[0]!.trim().toLowerCase();
  const wanted = request.url.startsWith('/api/uploads') ? uploads : 'application/json';
  if (type !== wanted) {
    throw new SlipwayError(
      'UNSUPPORTED_CONTENT_TYPE',
      `${request.method} ${request.url.split('?')[0]} takes ${wanted}.`,
    );
  }
}

const securityHeaders = {
  'content-security-policy':
    "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'none'; base-uri 'none'; form-action 'self'",
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
  'cross-origin-resource-policy': 'same-origin',
};
