import { Command } from 'commander';
import { productVersion } from '../product.ts';
import { demo } from './demo.ts';
import { deploy } from './deploy.ts';
import { exitCode, sayError } from './output.ts';
import { predict } from './predict.ts';
import { promote, rollback } from './promote.ts';
import { rollout } from './rollout.ts';
import { serve } from './serve.ts';
import { status } from './status.ts';
import { versions } from './versions.ts';

const program = new Command('slipway')
  .description('From trained model to trusted production in one command.')
  .version(productVersion)
  .showSuggestionAfterError()
  .showHelpAfterError('(See slipway --help.)')
  .configureOutput({ outputError: (text, write) => write(text) })
  .exitOverride((error) => {
    // commander has written its message already.
    process.exit(error.exitCode === 0 ? exitCode.ok : exitCode.usage);
  })
  .addHelpText(
    'after',
    `
Begin:
  $ slipway serve                                  start; everything is kept in .slipway
  $ slipway deploy churn model.txt                 prove a model file and put it live
  $ slipway predict churn --features '{"age": 41}' ask it
  $ slipway status                                 how is everything?

Exit codes: 0 done, 1 the server said no, 2 wrong usage, 3 no server there, 4 a file did not pass its gates.`,
  );

for (const command of [serve, deploy, versions, promote, rollback, rollout, predict, status, demo]) {
  // Subcommands are made apart from the program, so they do not inherit how it ends.
  program.addCommand(command.copyInheritedSettings(program));
}

try {
  await program.parseAsync();
} catch (error) {
  sayError(error, process.argv.includes('--json'));
}
