import type { FastifyInstance, FastifyRequest } from 'fastify';
import { SlipwayError } from '../../errors.ts';
import type { Keys } from '../keys.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** Name of the key that asks, or "local". */
    actor: string;
  }
}

/**
 * Who may ask what. A page of another site, or one that reached this address under a name of its own (DNS
 * rebinding), gets nothing; with keys, nobody without one. Goes by the route that will answer, never by the
 * URL: one path can be written in many ways.
 */
export function guard(app: FastifyInstance, keys: Keys, port: () => number): void {
  app.decorateRequest('actor', 'local');
  app.addHook('onRequest', async (request, reply) => {
    reply.headers(securityHeaders);
    const route = request.is404 ? null : (request.routeOptions.url ?? null);
    if (route?.startsWith('/health/')) return;
    if (!keys.needed) checkHost(request, port());
    checkOrigin(request);
    // The console's page and files are no secret; what they ask for is.
    if (route === null || !isAnswer(route)) return;
    request.actor = keys.actor(request.headers.authorization).name;
    if (request.routeOptions.config.allow) return;
    if (request.method !== 'GET' && request.method !== 'HEAD') checkType(request, route);
  });
}

function isAnswer(route: string): boolean {
  return route.startsWith('/api/') || route === '/metrics';
}

function checkHost(request: FastifyRequest, port: number): void {
  const host = (request.headers.host ?? '').toLowerCase();
  // A host without a port names port 80. Addresses cannot be rebound; of names only this one leads here.
  if (/^(127\.\d+\.\d+\.\d+|localhost|\[::1\])$/.test(host.replace(/:\d+$/, ''))) {
    if (Number(/:(\d+)$/.exec(host)?.[1] ?? 80) === port) return;
  }
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
  if (from === '' || from !== (host ?? '').toLowerCase()) {
    throw new SlipwayError('FORBIDDEN_ORIGIN', `Pages of ${origin.slice(0, 100)} may not call this address.`);
  }
}

/** Changes come in types that no form of another site can send, and as they are. */
function checkType(request: FastifyRequest, route: string): void {
  const type = (request.headers['content-type'] ?? '').split(';')[0]!.trim().toLowerCase();
  const wanted = route === '/api/uploads' ? 'application/octet-stream' : 'application/json';
  if (type !== wanted) {
    throw new SlipwayError('UNSUPPORTED_CONTENT_TYPE', `${request.method} ${route} takes ${wanted}.`);
  }
  const encoding = request.headers['content-encoding'] ?? 'identity';
  if (encoding.toLowerCase() !== 'identity') {
    throw new SlipwayError(
      'UNSUPPORTED_CONTENT_TYPE',
      `A body with content-encoding ${encoding.slice(0, 40)} is not taken.`,
      'Send it as it is, without compression.',
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
