import type { Signature, TensorSpec } from '../../signature.ts';
import { answerAmong } from '../answer.ts';
import type { ModelHints } from '../model.ts';
import { classLabels } from './classes.ts';
import type { OnnxGraph } from './graph.ts';

/** Which of a graph's outputs is the answer; `scores`: those whose numbers are no probabilities. Throws FILE_UNSUPPORTED. */
export function answerOf(
  graph: OnnxGraph,
  outputs: TensorSpec[],
  scores: ReadonlySet<string>,
  hints: ModelHints,
  file: string,
): Pick<Signature, 'task' | 'answer' | 'classes'> {
  const softmax = (output: string): boolean =>
    graph.nodes.some(({ op, outputs: made }) => op === 'Softmax' && made.includes(output));
  const known = {
    said: hints.classes,
    named: classLabels(graph),
    softmax,
    scores: (output: string) => scores.has(output),
  };
  return answerAmong(outputs, known, file);
}
