import { Command } from 'commander';
import type { ChangeAnswer } from '../api.ts';
import { sayUnloaded } from './load.ts';
import { type RemoteOptions, remoteOf, wholeNumber, withRemote } from './options.ts';
import { say, sayJson } from './output.ts';
import { ask } from './remote.ts';

interface Options extends RemoteOptions {
  reason?: string;
}

const told = (name: string, answer: ChangeAnswer, json: boolean | undefined): void => {
  if (json) sayJson(answer);
  else {
    const { live, previous, unloaded } = answer;
    if (unloaded) {
      say(`Version ${live} of ${name} is live.`);
      sayUnloaded(name);
      return;
    }
    const lanes = answer.lanes === 1 ? 'the lane serves' : `all ${answer.lanes} lanes serve`;
    const before = previous === null ? '' : `; version ${previous} stays warm`;
    say(`Version ${live} of ${name} is live: ${lanes} it${before}.`);
  }
};

export const promote = withRemote(
  new Command('promote')
    .description('make a version live; returns when every lane serves it')
    .argument('<name>', 'the model')
    .argument('<version>', 'its version', wholeNumber),
)
  .option('--reason <text>', 'why, for the timeline')
  .addHelpText('after', `\nExample:\n  $ slipway promote churn 3 --reason "agreed with the risk team"`)
  .action(async (name: string, version: number, options: Options) => {
    const body = { version, ...(options.reason ? { reason: options.reason } : {}) };
    told(
      name,
      await ask(remoteOf(options), 'POST', `/api/models/${encodeURIComponent(name)}/promote`, body),
      options.json,
    );
  });

export const rollback = withRemote(
  new Command('rollback')
    .description('make the version live again that was live before; returns when every lane serves it')
    .argument('<name>', 'the model'),
)
  .option('--reason <text>', 'why, for the timeline')
  .addHelpText('after', `\nExample:\n  $ slipway rollback churn --reason "complaints since noon"`)
  .action(async (name: string, options: Options) => {
    const body = options.reason ? { reason: options.reason } : {};
    told(
      name,
      await ask(remoteOf(options), 'POST', `/api/models/${encodeURIComponent(name)}/rollback`, body),
      options.json,
    );
  });
