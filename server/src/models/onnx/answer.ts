import { SlipwayError } from '../../errors.ts';
import type { Signature, TensorSpec } from '../../signature.ts';
import type { ModelHints } from '../model.ts';
import { classLabels } from './classes.ts';
import type { OnnxGraph } from './graph.ts';

/**
 * Which output is the answer, and so the task. Probabilities: a float output with a column a class (as many
 * as the labels that the graph or the user names), or called something with "prob", or made by a Softmax. Else a
 * float output of one column is the value; with two classes given (or text labels beside it), the probability
 * of the second. Throws FILE_UNSUPPORTED where that would be a guess.
 */
export function answerOf(
  graph: OnnxGraph,
  outputs: TensorSpec[],
  hints: ModelHints,
  file: string,
): Pick<Signature, 'task' | 'answer' | 'classes'> {
  const named = hints.classes ?? classLabels(graph);
  const floats = outputs.filter((output) => output.datatype.startsWith('FP'));
  const made = (name: string, op: string): boolean =>
    graph.nodes.some((node) => node.op === op && node.outputs.includes(name));
  const wide = floats.filter(({ width }) => width >= 2);
  const scores =
    wide.find(({ name, width }) => /prob/i.test(name) && width === (named?.length ?? width)) ??
    wide.find(({ name, width }) => made(name, 'Softmax') && width === (named?.length ?? width)) ??
    wide.find(({ width }) => width === named?.length);
  if (scores && (named || outputs.every(({ datatype }) => datatype !== 'BYTES'))) {
    const { column, width } = scores;
    const classes = named ?? Array.from({ length: width }, (_, k) => k);
    return width === 2
      ? { task: 'binary', classes, answer: { column: column + 1, width: 1 } }
      : { task: 'multiclass', classes, answer: { column, width } };
  }
  const value = floats.find(({ width }) => width === 1);
  const answer = { column: (value ?? outputs[0]!).column, width: 1 };
  const isText = outputs.some(({ datatype }) => datatype === 'BYTES');
  // One number a row: the probability of the second class where there are two, else the value itself.
  if (value && named?.length === 2 && (hints.classes || isText))
    return { task: 'binary', classes: named, answer };
  if (hints.classes || isText || (named && !value)) {
    const many = hints.classes ? `each of the ${hints.classes.length} classes given` : 'each class';
    throw unsupported(`has no output with a probability for ${many}`, outputs, file);
  }
  if (!value && wide.length > 0) throw unsupported('does not say what its numbers are', outputs, file);
  return { task: 'regression', answer };
}

function unsupported(why: string, outputs: TensorSpec[], file: string): SlipwayError {
  const found = outputs.map(({ name, width }) => `"${name}" (${width} a row)`).join(', ');
  return new SlipwayError(
    'FILE_UNSUPPORTED',
    `${file} ${why}. Its outputs: ${found}.`,
    'Export it with probabilities, a column a class; name the classes in their order with --classes.',
  );
}
