import { Command } from 'commander';
import type { ModelView, VersionView } from '../api.ts';
import { type RemoteOptions, remoteOf, wholeNumber, withRemote } from './options.ts';
import { say, sayJson } from './output.ts';
import { ask } from './remote.ts';
import { type ServingOptions, servingRequest, withServing } from './serving-options.ts';
import { UsageError } from './usage-error.ts';
import { servingLines } from './version-page.ts';

export const tune = withServing(
  withRemote(
    new Command('tune')
      .description('serve a version otherwise, without another version; returns when every lane does')
      .argument('<name>', 'the model')
      .argument('[version]', 'its version (default: the live one)', wholeNumber),
  ),
)
  .addHelpText(
    'after',
    `
Examples:
  $ slipway tune churn --batching auto
  $ slipway tune churn 3 --batch-size 32 --batch-delay 2
  $ slipway tune churn --cache 64MB

What is not said stays as it is. \`slipway versions churn 3\` shows how it is
served.`,
  )
  .action(async (name: string, version: number | undefined, options: RemoteOptions & ServingOptions) => {
    const request = servingRequest(options);
    if (!request) throw new UsageError('Nothing was said that is to change.', 'See `slipway tune --help`.');
    const remote = remoteOf(options);
    const path = `/api/models/${encodeURIComponent(name)}`;
    const wanted = version ?? (await ask<ModelView>(remote, 'GET', path)).live;
    if (wanted === null) throw new UsageError(`No version of ${name} is live.`, 'Name the version.');
    const one = await ask<VersionView>(remote, 'PATCH', `${path}/versions/${wanted}/serving`, request);
    if (options.json) sayJson(one);
    else {
      say(`Version ${wanted} of ${name} is served so from now on:`);
      for (const [title, value] of servingLines(one.serving)) say(`  ${title}: ${value}`);
    }
  });
