import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import fastifyStatic from '@fastify/static';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { SlipwayError } from '../../errors.ts';

/** Where the console's built files lie: beside the compiled server in the package, in its own workspace in a clone. */
const places = [
  new URL('../../console/', import.meta.url),
  new URL('../../../../console/dist/', import.meta.url),
].map((place) => fileURLToPath(place));

const unbuilt =
  '<!doctype html><title>Slipway</title><p>The console is not built. Run <code>npm run build</code> in the clone, or see <a href="/api/openapi.json">the API</a>.';

/** Serves the console: its files as they were built (compressed, where a .gz lies beside them), and its one page for every other path that a person may open. */
export async function pages(app: FastifyInstance): Promise<void> {
  const root = places.find((place) => existsSync(join(place, 'index.html')));
  if (root) {
    const options = { index: false, wildcard: false, maxAge: '1h', preCompressed: true } as const;
    await app.register(fastifyStatic, { root, ...options });
  }
  const index = root ? await readFile(join(root, 'index.html'), 'utf8') : unbuilt;
  // Before a body is read: nothing is done with it.
  app.addHook('onRequest', async (request) => {
    if (request.is404 && !isPage(request)) throw nothingAt(request);
  });
  app.setNotFoundHandler(async (_request, reply) =>
    reply.type('text/html; charset=utf-8').header('cache-control', 'no-cache').send(index),
  );
}

function isPage(request: FastifyRequest): boolean {
  const path = pathOf(request);
  const reads = request.method === 'GET' || request.method === 'HEAD';
  // A model's name may end like a file's.
  const isFile = /^\/(assets\/.*|[^/]*\.[a-z0-9]+)$/i.test(path);
  return reads && !isFile && !/^\/(api|health)(\/|$)/.test(path);
}

function nothingAt(request: FastifyRequest): SlipwayError {
  const path = pathOf(request).slice(0, 200);
  return new SlipwayError('NOT_FOUND', `There is nothing at ${request.method} ${path}.`);
}

function pathOf(request: FastifyRequest): string {
  return request.url.split('?')[0]!;
}
