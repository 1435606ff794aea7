import { Command, Option } from 'commander';
import type { DeployAnswer, DeployRequest } from '../api.ts';
import { asLabel, list, type RemoteOptions, remoteOf, roundsOption, withRemote } from './options.ts';
import { paint, say, sayJson } from './output.ts';
import { ask, upload, uploadModel } from './remote.ts';
import { UsageError } from './usage-error.ts';

interface Options extends RemoteOptions {
  baseline?: string;
  golden?: string;
  label?: string;
  classes?: string[];
  onnxThreads?: string;
  onnxShape?: string[];
  onnxOptimization?: NonNullable<DeployRequest['onnx']>['optimization'];
  rounds?: 'best' | 'all';
  as?: 'idle' | 'live' | 'shadow';
  missing?: 'reject' | 'impute';
  unknown?: 'reject' | 'impute';
  extra?: 'reject' | 'ignore';
  failedWrite?: 'refuse' | 'serve';
  hash?: string[];
  drop?: string[];
  allowSignatureChange?: boolean;
}

export const deploy = withRemote(
  new Command('deploy')
    .description('prove a model file in a process of its own, and register it as the model’s next version')
    .argument('<name>', 'the model: what production calls it')
    .argument('<file>', 'the model: a file, a folder, a zip or a tar of one; recognised by its content'),
)
  .option('--baseline <file>', 'its training data (CSV or Parquet): drift is measured against it')
  .option('--label <column>', 'the label’s column in the training data')
  .option('--golden <file>', 'rows with the training library’s own answers (JSON), to be reproduced')
  .option('--classes <labels>', 'class labels in order, by commas, where the file has none', list)
  .option(
    '--onnx-shape <input=sizes...>',
    'an input’s dimensions besides the rows, where the graph leaves them open: x=5,3',
  )
  .option('--onnx-threads <count>', 'threads that one request may use on onnxruntime (default: 1)')
  .addOption(
    new Option('--onnx-optimization <level>', 'what onnxruntime may rewrite of the graph').choices([
      'disabled',
      'basic',
      'extended',
      'all',
    ]),
  )
  .addOption(roundsOption())
  .addOption(
    new Option(
      '--as <state>',
      'a later version: idle waits, live at once, shadow is compared and promoted by itself',
    )
      .choices(['idle', 'live', 'shadow'])
      .default('idle'),
  )
  .addOption(
    new Option('--missing <policy>', 'absent features').choices(['reject', 'impute']).default('reject'),
  )
  .addOption(
    new Option('--unknown <policy>', 'unknown categories').choices(['reject', 'impute']).default('reject'),
  )
  .addOption(
    new Option('--extra <policy>', 'fields that are no feature')
      .choices(['reject', 'ignore'])
      .default('reject'),
  )
  .addOption(
    new Option('--failed-write <policy>', 'when the journal cannot be written').choices(['refuse', 'serve']),
  )
  .option('--hash <features>', 'journal these, by commas, as keyed hashes only', list)
  .option('--drop <features>', 'do not journal these, by commas', list)
  .option('--allow-signature-change', 'although its features differ from the version before')
  .addHelpText(
    'after',
    `
Examples:
  $ slipway deploy churn model.txt --golden golden.json \\
      --baseline train.parquet --label churned
  $ slipway deploy churn better.onnx --as shadow \\
      --baseline train.parquet --label churned

The first version goes live at once. A file that fails a gate is not registered,
and the exit code is 4.`,
  )
  .action(async (name: string, file: string, options: Options) => {
    if (options.label !== undefined && options.baseline === undefined) {
      throw new UsageError(
        '--label names a column of the training data, and none is given.',
        'Give the training data with --baseline FILE.',
      );
    }
    const remote = remoteOf(options);
    const { missing, unknown, extra } = options;
    const request: DeployRequest = {
      file: await uploadModel(remote, file),
      ...(options.baseline ? { baseline: await upload(remote, options.baseline) } : {}),
      ...(options.golden ? { golden: await upload(remote, options.golden) } : {}),
      ...(options.label ? { label: options.label } : {}),
      ...(options.classes ? { classes: options.classes.map(asLabel) } : {}),
      ...(options.onnxThreads || options.onnxOptimization || options.onnxShape
        ? {
            onnx: {
              ...(options.onnxThreads ? { threads: Number(options.onnxThreads) } : {}),
              ...(options.onnxOptimization ? { optimization: options.onnxOptimization } : {}),
              ...(options.onnxShape ? { shapes: Object.fromEntries(options.onnxShape.map(asShape)) } : {}),
            },
          }
        : {}),
      ...(options.rounds ? { rounds: options.rounds } : {}),
      ...(options.as ? { as: options.as } : {}),
      ...(options.failedWrite ? { failedWrite: options.failedWrite } : {}),
      ...(options.allowSignatureChange ? { allowSignatureChange: true } : {}),
      policy: {
        ...(missing ? { missing } : {}),
        ...(unknown ? { unknown } : {}),
        ...(extra ? { extra } : {}),
      },
      ...(options.hash || options.drop
        ? {
            privacy: {
              ...(options.hash ? { hash: options.hash } : {}),
              ...(options.drop ? { drop: options.drop } : {}),
            },
          }
        : {}),
    };
    const answer = await ask<DeployAnswer>(
      remote,
      'POST',
      `/api/models/${encodeURIComponent(name)}/versions`,
      request,
    );
    if (options.json) {
      sayJson(answer);
      return;
    }
    const { version } = answer;
    say(`${name} version ${version.version} (${version.kind}) is ${paint('green', version.state)}.`);
    for (const gate of version.gates) say(`  ${paint('green', '✓')} ${gate.name}: ${gate.detail}`);
    if (version.promise) {
      const { metric, value, rows } = version.promise;
      const promised =
        metric === 'accuracy'
          ? `${(value * 100).toFixed(1)} % right`
          : `off by ${value.toPrecision(3)} on average`;
      say(`  promise: ${promised} on its ${rows.toLocaleString('en-GB')} training rows`);
    }
    if (answer.rollout) say(`Rollout ${answer.rollout} compares it with the live version on the same rows.`);
  });

/** `name=5,3`: what is no number is refused by control. */
function asShape(text: string): [name: string, sizes: number[]] {
  const at = text.lastIndexOf('=');
  return [
    text.slice(0, Math.max(0, at)),
    text
      .slice(at + 1)
      .split(',')
      .map(Number),
  ];
}
