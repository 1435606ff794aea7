import type { FastifyInstance, HTTPMethods } from 'fastify';
import { SlipwayError } from '../../errors.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Set where a path is known and the method is not: the methods that are. */
    allow?: string;
  }
}

const all: HTTPMethods[] = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'];

/** Answers 405 with the methods there are, on every path that is added after this call. Call the result when all are. */
export function refuseOtherMethods(app: FastifyInstance): () => void {
  const known = new Map<string, Set<string>>();
  app.addHook('onRoute', ({ url, method, config }) => {
    if (config?.allow) return;
    const methods = known.get(url) ?? new Set();
    for (const one of [method].flat()) methods.add(one);
    known.set(url, methods);
  });
  return () => {
    for (const [url, methods] of [...known]) {
      const allow = [...methods].sort().join(', ');
      app.route({
        url,
        method: all.filter((method) => !methods.has(method)),
        schema: { hide: true },
        config: { allow },
        // Before a body is read: nothing is done with it.
        onRequest: async (request, reply) => {
          reply.header('allow', allow);
          const path = request.url.split('?')[0]!.slice(0, 200);
          throw new SlipwayError('METHOD_NOT_ALLOWED', `${path} takes ${allow}, not ${request.method}.`);
        },
        handler: async () => {},
      });
    }
  };
}
