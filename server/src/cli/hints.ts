import { type Command, InvalidArgumentError, Option } from 'commander';
import type { ModelHints } from '../models/model.ts';
import { list, wholeNumber } from './options.ts';
import { UsageError } from './usage-error.ts';

/** What `deploy` and `inspect` alike are told about a model file besides the file. */
export interface HintOptions {
  baseline?: string;
  golden?: string;
  label?: string;
  classes?: string[];
  onnxThreads?: number;
  onnxShape?: Record<string, number[]>;
  onnxOptimization?: NonNullable<ModelHints['onnx']>['optimization'];
  rounds?: NonNullable<ModelHints['rounds']>;
}

const mostThreads = 64;

/** The hints as the API takes them; the files are handed over each command's own way. */
export interface Hints {
  label?: string;
  classes?: (string | number)[];
  onnx?: NonNullable<ModelHints['onnx']>;
  rounds?: NonNullable<ModelHints['rounds']>;
}

export function withHints(command: Command): Command {
  return command
    .option('--baseline <file>', 'its training data (CSV or Parquet): drift is measured against it')
    .option('--label <column>', 'the label’s column in the training data')
    .option('--golden <file>', 'rows with the training library’s own answers (JSON), to be reproduced')
    .option('--classes <labels>', 'class labels in order, by commas, where the file has none', list)
    .option(
      '--onnx-shape <input=sizes...>',
      'an input’s dimensions besides the rows, where the graph leaves them open: x=5,3',
      withShape,
    )
    .option('--onnx-threads <count>', 'threads that one request may use on onnxruntime (default: 1)', threads)
    .addOption(
      new Option('--onnx-optimization <level>', 'what onnxruntime may rewrite of the graph').choices([
        'disabled',
        'basic',
        'extended',
        'all',
      ]),
    )
    .addOption(
      new Option(
        '--rounds <which>',
        'of an XGBoost model that was stopped early: up to its best round (default), or all',
      ).choices(['best', 'all']),
    );
}

/** Throws a UsageError for a label of no training data. */
export function hintsOf(options: HintOptions): Hints {
  const { baseline, label, classes, onnxThreads, onnxShape, onnxOptimization, rounds } = options;
  if (label !== undefined && baseline === undefined) {
    throw new UsageError(
      '--label names a column of the training data, and none is given.',
      'Give the training data with --baseline FILE.',
    );
  }
  const onnx = {
    ...(onnxThreads ? { threads: onnxThreads } : {}),
    ...(onnxOptimization ? { optimization: onnxOptimization } : {}),
    ...(onnxShape ? { shapes: onnxShape } : {}),
  };
  return {
    ...(label ? { label } : {}),
    ...(classes ? { classes: classes.map(asLabel) } : {}),
    ...(Object.keys(onnx).length > 0 ? { onnx } : {}),
    ...(rounds ? { rounds } : {}),
  };
}

/** A class label as it was typed: a number, if it is one. */
function asLabel(text: string): string | number {
  return text !== '' && Number.isFinite(Number(text)) ? Number(text) : text;
}

function threads(text: string): number {
  const count = wholeNumber(text);
  if (count < 1 || count > mostThreads) {
    throw new InvalidArgumentError(`It is not between 1 and ${mostThreads}.`);
  }
  return count;
}

/** `name=5,3` beside those that were given before it. */
function withShape(text: string, before: Record<string, number[]> = {}): Record<string, number[]> {
  const [, name, sizes] = /^(.+)=([1-9]\d{0,8}(?:,[1-9]\d{0,8})*)$/.exec(text) ?? [];
  if (name === undefined) throw new InvalidArgumentError('It is not an input with its sizes, like x=5,3.');
  return { ...before, [name]: sizes!.split(',').map(Number) };
}
