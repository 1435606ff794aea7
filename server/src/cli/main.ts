import { Command } from 'commander';
import { productVersion } from '../product.ts';
import { demo } from './demo.ts';
import { deploy } from './deploy.ts';
import { inspect } from './inspect.ts';
import { load, unload } from './load.ts';
import { exitCode, sayError } from './output.ts';
import { predict } from './predict.ts';
import { promote, rollback } from './promote.ts';
import { rollout } from './rollout.ts';
import { serve } from './serve.ts';
import { status } from './status.ts';
import { tune } from './tune.ts';
import { UsageError } from './usage-error.ts';
import { versions } from './versions.ts';

const program = new Command('slipway')
  .description('From trained model to trusted production in one command.')
  .version(productVersion)
  .showSuggestionAfterError()
  // What was typed wrong is said as any other error is.
  .configureOutput({ outputError: () => {} })
  .exitOverride(({ code, exitCode: ended, message }) => {
    if (ended === 0) process.exit(exitCode.ok);
    if (code === 'commander.help') process.exit(exitCode.usage);
    const said = message.replace(/^error: /, '').replaceAll('\n', ' ');
    throw new UsageError(said, 'See slipway --help, and slipway COMMAND --help.');
  })
  .addHelpText(
    'after',
    `
Begin:
  $ slipway serve                                   start Slipway here
  $ slipway deploy churn model.txt                  prove it, put it live
  $ slipway predict churn --features '{"age": 41}'  ask it
  $ slipway status                                  how is everything?

Exit codes: 0 done, 1 the server said no, 2 wrong usage, 3 no server there,
4 a file did not pass its gates, 130 interrupted.`,
  );

for (const command of [
  serve,
  inspect,
  deploy,
  versions,
  promote,
  rollback,
  rollout,
  tune,
  load,
  unload,
  predict,
  status,
  demo,
]) {
  // Subcommands are made apart from the program, so they do not inherit how it ends.
  program.addCommand(command.copyInheritedSettings(program));
}

// Whoever read the output (`| head`) has seen enough.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
});

try {
  await program.parseAsync();
} catch (error) {
  sayError(error, process.argv.includes('--json'));
}
