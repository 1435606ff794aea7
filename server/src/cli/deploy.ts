import { Command, Option } from 'commander';
import type { DeployAnswer, DeployRequest } from '../api.ts';
import { type HintOptions, hintsOf, withHints } from './hints.ts';
import { sayUnloaded } from './load.ts';
import { list, type RemoteOptions, remoteOf, withRemote } from './options.ts';
import { paint, say, sayJson } from './output.ts';
import { ask, upload, uploadModel } from './remote.ts';
import { type ServingOptions, servingRequest, withServing } from './serving-options.ts';

interface Options extends RemoteOptions, HintOptions, ServingOptions {
  as?: 'idle' | 'live' | 'shadow';
  missing?: 'reject' | 'impute';
  unknown?: 'reject' | 'impute';
  extra?: 'reject' | 'ignore';
  failedWrite?: 'refuse' | 'serve';
  hash?: string[];
  drop?: string[];
  allowSignatureChange?: boolean;
}

export const deploy = withServing(
  withHints(
    withRemote(
      new Command('deploy')
        .description(
          'prove a model file in a process of its own, and register it as the model’s next version',
        )
        .argument('<name>', 'the model: what production calls it')
        .argument('<file>', 'the model: a file, a folder, a zip or a tar of one; recognised by its content'),
    ),
  ),
)
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
    const remote = remoteOf(options);
    const { missing, unknown, extra } = options;
    const serving = servingRequest(options);
    const request: DeployRequest = {
      file: await uploadModel(remote, file),
      ...(options.baseline ? { baseline: await upload(remote, options.baseline) } : {}),
      ...(options.golden ? { golden: await upload(remote, options.golden) } : {}),
      ...hintsOf(options),
      ...(serving ? { serving } : {}),
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
    if (answer.unloaded) sayUnloaded(name);
    if (answer.rollout) say(`Rollout ${answer.rollout} compares it with the live version on the same rows.`);
  });
