import { Command, Option } from 'commander';
import type { RolloutView } from '../api.ts';
import { SlipwayError } from '../errors.ts';
import { errorRate, type RemoteOptions, remoteOf, wholeNumber, withRemote } from './options.ts';
import { paint, say, sayJson } from './output.ts';
import { ask } from './remote.ts';

interface Options extends RemoteOptions {
  candidate?: number;
  alpha?: number;
  leastPairs?: number;
  hold?: boolean;
  resume?: boolean;
  stop?: boolean;
}

export const rollout = withRemote(
  new Command('rollout')
    .description('what a model’s rollout says, with reasons; begin, hold, resume or stop one')
    .argument('<name>', 'the model'),
)
  .option('--candidate <version>', 'begin: compare this version with the live one in shadow', wholeNumber)
  .option('--alpha <rate>', 'error rate of the whole comparison, however often it is looked at', errorRate)
  .option('--least-pairs <count>', 'fewest labelled pairs before any verdict', wholeNumber)
  .addOption(new Option('--hold', 'count on, decide nothing').conflicts(['candidate', 'resume', 'stop']))
  .addOption(new Option('--resume', 'decide again').conflicts(['candidate', 'stop']))
  .addOption(new Option('--stop', 'end it; the live version stays').conflicts('candidate'))
  .addHelpText(
    'after',
    `
Examples:
  $ slipway rollout churn                what does it say, and why?
  $ slipway rollout churn --candidate 3  compare version 3 with the live one
  $ slipway rollout churn --hold         keep counting, but let me decide
  $ slipway rollout churn --json | jq -r .verdict

The candidate answers every row after the answer has left, and costs callers
nothing. It is promoted by itself once it is proven better; the error rate holds
however often anybody looks.`,
  )
  .action(async (name: string, options: Options) => {
    const remote = remoteOf(options);
    const path = `/api/models/${encodeURIComponent(name)}/rollouts`;
    if (options.candidate !== undefined) {
      const { candidate, alpha, leastPairs } = options;
      const body = {
        candidate,
        ...(alpha === undefined ? {} : { alpha }),
        ...(leastPairs === undefined ? {} : { leastPairs }),
      };
      tell(await ask<RolloutView>(remote, 'POST', path, body), options.json);
      return;
    }
    const { rollouts } = await ask<{ rollouts: RolloutView[] }>(remote, 'GET', path);
    const newest = rollouts[0];
    const change = options.hold ? 'hold' : options.resume ? 'resume' : options.stop ? 'stop' : null;
    if (!newest) {
      if (change) throw new SlipwayError('ROLLOUT_NOT_FOUND', `"${name}" has no rollout.`);
      if (options.json) sayJson(null);
      else say(`${name} has no rollout. Begin one with: slipway rollout ${name} --candidate VERSION`);
      return;
    }
    tell(
      change ? await ask<RolloutView>(remote, 'POST', `${path}/${newest.id}/${change}`, {}) : newest,
      options.json,
    );
  });

function tell(view: RolloutView, json: boolean | undefined): void {
  if (json) {
    sayJson(view);
    return;
  }
  say(
    `Rollout ${view.id}: version ${view.candidate} beside live version ${view.live}, ${view.state}. Verdict: ${paint('bold', view.verdict)}.`,
  );
  for (const reason of view.reasons) say(`  ${reason}`);
  if (view.next) say(view.next);
}
