import swagger from '@fastify/swagger';
import type { FastifyInstance } from 'fastify';
import { ErrorAnswer } from '../../api.ts';
import { productVersion } from '../../product.ts';

/** Makes the routes that are added from now on into an OpenAPI document; all of them may be refused in one shape. */
export async function describe(app: FastifyInstance): Promise<void> {
  app.addSchema({ $id: 'Error', ...ErrorAnswer });
  const refused = { $ref: 'Error#' };
  await app.register(swagger, {
    openapi: {
      // The schemas are JSON Schema, which OpenAPI takes as it is from 3.1 on.
      openapi: '3.1.0',
      info: {
        title: 'Slipway control',
        version: productVersion,
        description: 'Deploy, promote, watch.',
        license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
      },
    },
    refResolver: { buildLocalReference: ({ $id }, _base, _fragment, i) => String($id ?? `schema-${i}`) },
    // Of the document alone: what errors hold is theirs, not a serializer's.
    transform: ({ schema, url }) => {
      const response = { ...(schema.response as object), '4xx': refused, '5xx': refused };
      return { url, schema: url.startsWith('/api/') ? { ...schema, response } : schema };
    },
  });
}
