import { Command } from 'commander';
import type { ChangeAnswer } from '../api.ts';
import { type RemoteOptions, remoteOf, withRemote } from './options.ts';
import { say, sayJson } from './output.ts';
import { ask } from './remote.ts';

export const load = change('load', 'let an unloaded model answer again; returns when every lane serves it');
export const unload = change(
  'unload',
  'take a model out of the lanes; its versions, history and learners stay as they are',
);

function change(name: 'load' | 'unload', description: string): Command {
  return withRemote(new Command(name).description(description).argument('<name>', 'the model'))
    .addHelpText('after', `\nExample:\n  $ slipway ${name} churn`)
    .action(async (model: string, options: RemoteOptions) => {
      const path = `/api/models/${encodeURIComponent(model)}/${name}`;
      const answer = await ask<ChangeAnswer>(remoteOf(options), 'POST', path, {});
      if (options.json) sayJson(answer);
      else if (name === 'unload') sayUnloaded(model);
      else
        say(
          `${model} answers again${answer.live === null ? ', once a version is live' : `: version ${answer.live}`}.`,
        );
    });
}

/** What is live of an unloaded model answers nobody. */
export function sayUnloaded(model: string): void {
  say(`${model} is unloaded: it answers nobody until \`slipway load ${model}\`.`);
}
