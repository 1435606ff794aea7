import { SlipwayError } from '../../errors.ts';
import { shown } from '../../shown.ts';
import type { Datatype, Feature, Signature, TensorSpec } from '../../signature.ts';
import { type Frame, newFrame } from '../../tensor.ts';
import { answerAmong } from '../answer.ts';
import { mostColumns } from '../columns.ts';
import type { ModelHints } from '../model.ts';
import { type AnswerColumn, answersOf } from './answer-table.ts';
import { tableOf } from './frame-table.ts';
import type { Hello } from './hello.ts';
import type { KeptChild } from './kept-child.ts';

/** Rows that are asked at once. */
const askedRows = 3;

/**
 * What model.py takes and gives: features as it declares them, or as the training data or golden rows have them;
 * outputs as it answers some rows of those, or rows of zeros. Throws FILE_UNSUPPORTED, or FILE_BROKEN with what predict raised.
 */
export async function signatureOf(
  child: KeptChild,
  hello: Hello,
  hints: ModelHints,
  file: string,
): Promise<Signature> {
  const sample = await hints.sample?.();
  const features = hello.features ?? sample?.features;
  if (!features || features.length === 0)
    throw new SlipwayError(
      'FILE_UNSUPPORTED',
      `${file} does not say which features it takes.`,
      'Write them into it: features = {"age": "number", "plan": ["basic", "pro"]}. Or give the training data with --baseline, or golden rows.',
    );
  child.take(features);
  const inputs = features.map((feature, column): TensorSpec => {
    return { name: feature.name, datatype: datatypeOf(feature), shape: [-1], column, width: 1 };
  });
  const rows = sample?.rows(features, inputs) ?? emptyRows(features);
  const outputs = await outputsOf(child, rows, features, file);
  const known = {
    said: hints.classes ?? hello.classes ?? undefined,
    named: sample?.classes ?? null,
    softmax: () => false,
    scores: () => false,
  };
  return {
    features,
    inputs,
    outputs,
    ...answerAmong(outputs, known, file),
    missingAllowed: hello.missing,
  };
}

async function outputsOf(
  child: KeptChild,
  rows: Frame,
  features: Feature[],
  file: string,
): Promise<TensorSpec[]> {
  const answers = await child.ask(tableOf(rows, features)).then(
    ({ body }) => answersOf(body),
    (error: SlipwayError) => {
      if (error.code !== 'PREDICTION_FAILED') throw error;
      throw new SlipwayError(
        'FILE_BROKEN',
        `${file}: asked ${rows.rows} rows, ${error.message}`,
        'Where it takes only rows like its training data, give those with --baseline, or golden rows with --golden.',
      );
    },
  );
  let column = 0;
  return answers.map(({ name, datatype, width }): TensorSpec => {
    if (width > mostColumns)
      throw new SlipwayError(
        'FILE_UNSUPPORTED',
        `${file}: output ${shown(name)} has ${width} values a row, more than ${mostColumns}.`,
      );
    const shape = width === 1 ? [-1] : [-1, width];
    const spec = { name, datatype, shape, column, width };
    column += width;
    return spec;
  });
}

/** Whether an answer is shaped as it was when the signature was made. */
export function fits({ datatype, width, rows }: AnswerColumn, spec: TensorSpec, asked: number): boolean {
  return datatype === spec.datatype && width === spec.width && rows === asked;
}

function datatypeOf({ type, categories = [] }: Feature): Datatype {
  if (type === 'number') return 'FP64';
  if (type === 'boolean') return 'BOOL';
  return type === 'integer' || typeof categories[0] === 'number' ? 'INT64' : 'BYTES';
}

function emptyRows(features: Feature[]): Frame {
  return { ...newFrame(askedRows, features.length), texts: [''] };
}
