import { Command } from 'commander';
import type { VersionView } from '../api.ts';
import { type RemoteOptions, remoteOf, wholeNumber, withRemote } from './options.ts';
import { percent, say, sayJson, table } from './output.ts';
import { ask } from './remote.ts';
import { versionPage } from './version-page.ts';

export const versions = withRemote(
  new Command('versions')
    .description('a model’s versions: state, promise, live accuracy, checkpoints')
    .argument('<name>', 'the model')
    .argument('[version]', 'all that is known of one of them', wholeNumber)
    .addHelpText(
      'after',
      `
Examples:
  $ slipway versions churn
  $ slipway versions churn 3
  $ slipway versions churn --json |
      jq '.versions[] | select(.state == "live").features'

promise: how right it was on its own training rows; live: over its labelled live
rows, answered or in shadow. --json has all of it: features, gates, provenance.`,
    ),
).action(async (name: string, version: number | undefined, options: RemoteOptions) => {
  if (version !== undefined) {
    const path = `/api/models/${encodeURIComponent(name)}/versions/${version}`;
    const one = await ask<VersionView>(remoteOf(options), 'GET', path);
    if (options.json) sayJson(one);
    else say(versionPage(one));
    return;
  }
  const path = `/api/models/${encodeURIComponent(name)}/versions`;
  const { versions: all } = await ask<{ versions: VersionView[] }>(remoteOf(options), 'GET', path);
  if (options.json) {
    sayJson({ versions: all });
    return;
  }
  const rows = all.map((one) => [
    String(one.version),
    one.kind,
    one.state,
    one.promise?.metric === 'accuracy'
      ? percent(one.promise.value)
      : (one.promise?.value.toPrecision(3) ?? '–'),
    one.score.metric === 'accuracy' ? percent(one.score.value) : (one.score.value?.toPrecision(3) ?? '–'),
    String(one.score.labelled),
    new Date(one.provenance.at).toISOString().slice(0, 16).replace('T', ' '),
    one.provenance.file,
  ]);
  say(table(['version', 'kind', 'state', 'promise', 'live', 'labelled', 'deployed (UTC)', 'file'], rows));
  for (const { version, learner } of all) {
    if (!learner || learner.checkpoints.length === 0) continue;
    const updates = learner.checkpoints.map(({ update }) => update);
    say(
      `\nVersion ${version} has learned ${learner.update} labels; checkpoints at updates ${updates.join(', ')}.`,
    );
  }
});
