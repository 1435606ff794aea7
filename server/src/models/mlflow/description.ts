import { isCollection, isScalar, parseDocument, visit } from 'yaml';
import { SlipwayError } from '../../errors.ts';

/** As many characters as an MLmodel with a wide signature has, and many more. */
export const mostDescriptionBytes = 4 * 2 ** 20;

/** A YAML mapping, read as data: strings, numbers, booleans, nulls, lists and further mappings. */
export type Mapping = ReadonlyMap<unknown, unknown>;

/**
 * Reads an MLmodel file (MLflow's description of a model folder, YAML) with YAML's core schema and nothing more.
 * Tags are refused (FILE_UNSAFE): they are how YAML says "make an object of this class". So are aliases, which MLflow
 * does not write and which can grow a short text beyond any memory.
 */
export function readDescription(text: string, file: string): Mapping {
  const broken = (why: string): never => {
    throw new SlipwayError('FILE_BROKEN', `${file}: ${why}.`, 'Save the model with MLflow again.');
  };
  let document: ReturnType<typeof parseDocument>;
  try {
    document = parseDocument(text, { schema: 'core', version: '1.2', logLevel: 'error' });
  } catch (error) {
    // Nested too deep for the parser's stack.
    return broken(`it is no YAML: ${(error as Error).message}`);
  }
  visit(document, {
    Alias: () => broken('it has YAML aliases, which MLflow does not write'),
    Node: (_, node) => {
      if ((isScalar(node) || isCollection(node)) && node.tag !== undefined && !plainTag.test(node.tag))
        throw new SlipwayError(
          'FILE_UNSAFE',
          `${file} has the YAML tag ${node.tag.slice(0, 60)}, which asks for code to be run.`,
          'MLflow writes no tags: save the model with MLflow again.',
        );
    },
  });
  const [error] = document.errors;
  if (error) broken(`it is no YAML: ${error.message.split('\n')[0]}`);
  const content: unknown = document.toJS({ mapAsMap: true, maxAliasCount: 0 });
  return content instanceof Map ? content : broken('it is no YAML mapping');
}

/** YAML's own types; `!` is a plain string. */
const plainTag = /^(!|tag:yaml\.org,2002:(str|int|float|bool|null|map|seq))$/;
