import { SlipwayError } from '../errors.ts';
import { type CanonicalAnswer, isOpen, type Signature, type TensorSpec } from '../signature.ts';

type Labels = (string | number)[];

/** What is known about a model's outputs besides their shapes. */
export interface Known {
  /** Class labels that the user gave. */
  said: Labels | undefined;
  /** Class labels that the model names. */
  named: Labels | null;
  /** Whether an output is made by a Softmax. */
  softmax(output: string): boolean;
  /** Whether an output's numbers are no probabilities. */
  scores(output: string): boolean;
}

/**
 * Which output is the answer, and so the task. Probabilities or scores: a float output with a column a class (as many
 * as the labels that the model or the user names), or called something with "prob", or made by a Softmax. Else a
 * float output of one column is the value; with two classes given (or labels beside it), the probability or score
 * of the second. None where that would be a guess; throws FILE_UNSUPPORTED where it is not as the user said.
 */
export function answerAmong(
  all: TensorSpec[],
  known: Known,
  file: string,
): Pick<Signature, 'task' | 'answer' | 'classes'> {
  // What is of any size is no answer, and stands in no way of one.
  const outputs = all.filter((spec) => !isOpen(spec));
  const named = known.said ?? known.named;
  const floats = outputs.filter((output) => output.datatype.startsWith('FP'));
  const others = outputs.filter((output) => !output.datatype.startsWith('FP'));
  const many = others.some(({ name, width }) => width > 1 && /label/i.test(name));
  if (many && !known.said) return none;
  const wide = floats.filter(({ width }) => width >= 2);
  const scores =
    wide.find(({ name, width }) => /prob/i.test(name) && width === (named?.length ?? width)) ??
    wide.find(({ name, width }) => known.softmax(name) && width === (named?.length ?? width)) ??
    wide.find(({ width }) => width === named?.length);
  const isText = others.some(({ datatype }) => datatype === 'BYTES');
  const label = known.said ? undefined : labelAmong(others, known.named);
  const more = (output: TensorSpec) => ({
    ...(known.scores(output.name) ? { scores: true as const } : {}),
    ...(label ? { label } : {}),
  });
  if (scores && (named || !isText)) {
    const { column, width } = scores;
    const classes = named ?? Array.from({ length: width }, (_, k) => k);
    return width === 2
      ? { task: 'binary', classes, answer: { column: column + 1, width: 1, ...more(scores) } }
      : { task: 'multiclass', classes, answer: { column, width, ...more(scores) } };
  }
  const value = floats.find(({ width }) => width === 1);
  const only = outputs.length === 1 && outputs[0]!.width === 1 ? outputs[0]! : undefined;
  const answer = { column: (value ?? only)?.column ?? 0, width: 1 };
  // One number a row: of the second class where there are two, else the value itself.
  if (value && named?.length === 2 && (known.said || isText || label))
    return { task: 'binary', classes: named, answer: { ...answer, ...more(value) } };
  if (known.said) {
    const found = outputs.map(({ name, width }) => `"${name}" (${width} a row)`).join(', ');
    throw new SlipwayError(
      'FILE_UNSUPPORTED',
      `${file} has no output with a probability for each of the ${known.said.length} classes given. Its outputs: ${found}.`,
      'Export it with probabilities, a column a class; name the classes in their order with --classes.',
    );
  }
  if (isText || (named && !value) || (!value && !only)) return none;
  return { task: 'regression', answer };
}

/** To take one of the outputs for the answer would be a guess. */
const none = { task: 'other', answer: null } as const;

/** The class that the model itself says: its only output of one text or whole number a row. */
function labelAmong(others: TensorSpec[], named: Labels | null): CanonicalAnswer['label'] {
  const [label, second] = others.filter(({ width }) => width === 1);
  if (!label || second || !named) return undefined;
  const isText = label.datatype === 'BYTES';
  if (isText !== (typeof named[0] === 'string')) return undefined;
  return { column: label.column, holds: isText ? 'index' : 'class' };
}
