import { Command } from 'commander';
import { type Config, defaultConfig } from '../processes/config.ts';
import { startSupervisor } from '../processes/supervisor.ts';
import { lanes, port } from './options.ts';
import { exitCode, paint, say, sayJson } from './output.ts';

interface Options {
  host: string;
  port: number;
  controlPort: number;
  data: string;
  lanes: number;
  keyFile?: string;
  json?: boolean;
}

export const serve = new Command('serve')
  .description('start Slipway on this machine')
  .option('--port <port>', 'data plane: predictions and labels (0: any free port)', port, defaultConfig.port)
  .option(
    '--control-port <port>',
    'console, API and metrics (0: any free port)',
    port,
    defaultConfig.controlPort,
  )
  .option('--data <folder>', 'where everything is kept', defaultConfig.data)
  .option(
    '--lanes <count>',
    'processes that answer predictions; auto: one a core',
    lanes,
    defaultConfig.lanes,
  )
  .option(
    '--host <address>',
    'numeric address to listen on; beyond loopback it needs --key-file',
    defaultConfig.host,
  )
  .option('--key-file <file>', 'lines of "name:key"; every request then needs a key')
  .option('--json', 'print the addresses as JSON')
  .addHelpText(
    'after',
    `
Examples:
  $ slipway serve
  $ slipway serve --lanes 2 --data /var/lib/slipway
  $ slipway serve --host 0.0.0.0 --key-file keys

Ctrl-C stops gracefully: what was accepted is answered. A second Ctrl-C stops
at once.`,
  )
  .action(async (options: Options) => {
    const { json, keyFile, ...rest } = options;
    const config: Config = { ...defaultConfig, ...rest, keyFile: keyFile ?? null };
    const asked = untilAskedToStop();
    const running = await startSupervisor(config);
    if (json) sayJson({ dataPlane: running.dataPlane, control: running.control, data: config.data });
    else {
      say(`Slipway is up. Everything is kept in ${config.data}.`);
      say(`  predictions and labels  ${paint('cyan', running.dataPlane)}`);
      say(`  console, API, metrics   ${paint('cyan', running.control)}`);
    }
    await asked;
    if (!json) say('\nStopping: what was accepted is answered. (Ctrl-C again: at once.)');
    await running.stop();
    process.exit(exitCode.ok);
  });

/** Resolves at the first Ctrl-C or TERM, also when it comes while the processes are still starting; the second ends all at once. */
function untilAskedToStop(): Promise<void> {
  const atOnce = (): never => process.exit(exitCode.refused);
  return new Promise((resolve) => {
    const stop = (): void => {
      for (const signal of ['SIGINT', 'SIGTERM'] as const)
        process.removeListener(signal, stop).once(signal, atOnce);
      resolve();
    };
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, stop);
    // Whoever started this process with a channel to it is gone.
    process.once('disconnect', stop);
  });
}
