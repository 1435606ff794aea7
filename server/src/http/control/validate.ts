import type { FastifySchemaCompiler } from 'fastify';
import type { TSchema } from 'typebox';
import { Compile } from 'typebox/compile';
import { SlipwayError } from '../../errors.ts';

type Found = ReturnType<ReturnType<typeof Compile>['Errors']>[number];

/** Places of a request as its sender knows them. */
const places: Record<string, string> = {
  body: 'body',
  querystring: 'query',
  params: 'path',
  headers: 'headers',
};

/**
 * Checks requests against their schemas with the library that the schemas are written in. Text of a URL becomes
 * the number that its schema asks for; a body is taken as it is: `classes: [0, 1]` are numbers, and stay it.
 */
export const validate: FastifySchemaCompiler<TSchema> = ({ schema, httpPart = 'body' }) => {
  const checked = Compile(schema);
  const isText = httpPart === 'querystring' || httpPart === 'params';
  return (given: unknown) => {
    const value = isText ? checked.Convert({ ...(given as object) }) : given;
    const cut = isText ? cutNumber(given, value) : null;
    if (cut)
      return { error: new SlipwayError('INVALID_REQUEST', `${places[httpPart]}.${cut} must be integer.`) };
    if (checked.Check(value)) return { value };
    return {
      error: new SlipwayError('INVALID_REQUEST', told(places[httpPart] ?? httpPart, checked.Errors(value))),
    };
  };
};

/** The first fault in words: 'body.policy.missing must be one of "reject", "impute".' */
function told(place: string, errors: Found[]): string {
  const [first] = errors;
  if (!first) return `The ${place} does not fit its schema.`;
  // Of several shapes that a value may have it is meant to have the one that it came furthest with.
  const isChoice = errors.some(
    (error) => error.keyword === 'anyOf' && error.instancePath === first.instancePath,
  );
  const inside = errors.filter((error) => error.instancePath.startsWith(`${first.instancePath}/`));
  if (isChoice && inside.length > 0) return told(place, inside);
  const path = `${place}${first.instancePath.replaceAll('/', '.')}`;
  const there = errors.filter((error) => error.instancePath === first.instancePath);
  const wanted = there.flatMap((error) =>
    error.keyword === 'const' ? [JSON.stringify(error.params.allowedValue)] : [],
  );
  if (wanted.length > 0) return `${path} must be one of ${wanted.join(', ')}.`;
  const types = there.flatMap((error) => (error.keyword === 'type' ? [String(error.params.type)] : []));
  if (types.length > 1) return `${path} must be ${types.join(' or ')}.`;
  // So a schema without further properties says that there is one.
  if (first.keyword === 'boolean') return `${path} is no field of this request.`;
  return `${path} ${first.message}.`;
}

/** The field whose text the conversion has cut to a whole number ("1.5" is not 1), or null. */
function cutNumber(given: unknown, value: unknown): string | null {
  const texts = given as Record<string, unknown>;
  const cut = Object.entries(value as object).find(
    ([name, one]) => typeof one === 'number' && Number(texts[name]) !== one,
  );
  return cut?.[0] ?? null;
}
