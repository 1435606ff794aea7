import { Command } from 'commander';
import { type Config, defaultConfig } from '../processes/config.ts';
import { startSupervisor } from '../processes/supervisor.ts';
import {
  address,
  bytes,
  type CandidateOptions,
  lanes,
  type PythonOptions,
  port,
  pythonOf,
  wait,
  withCandidate,
  withPython,
} from './options.ts';
import { exitCode, paint, say, sayJson } from './output.ts';
import { UsageError } from './usage-error.ts';

interface Options extends CandidateOptions, PythonOptions {
  host: string;
  port: number;
  grpcPort?: number;
  controlPort: number;
  data: string;
  lanes: number;
  modelMemory?: number;
  scorerMemory?: number;
  keyFile?: string;
  adminKeyFile?: string;
  tlsCert?: string;
  tlsKey?: string;
  bodyLimit: number;
  maxWait: number;
  otlpEndpoint?: string;
  json?: boolean;
}

export const serve = new Command('serve')
  .description('start Slipway on this machine')
  .option('--port <port>', 'data plane: predictions and labels (0: any free port)', port, defaultConfig.port)
  .option('--grpc-port <port>', 'the same over gRPC (default: the next port, 8081)', port)
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
    '--model-memory <size>',
    'for loaded models, all lanes together: what was used longest ago goes and comes back when asked for (default: half of the memory there is)',
    bytes,
  )
  .option(
    '--scorer-memory <size>',
    'for versions that have a process of their own, all together, likewise; one that takes more alone is replaced (default: half of the memory there is)',
    bytes,
  )
  .option(
    '--host <address>',
    'numeric address to listen on; beyond loopback it needs --key-file',
    defaultConfig.host,
  )
  .option('--key-file <file>', 'lines of "name:key"; every request then needs a key')
  .option(
    '--admin-key-file <file>',
    'likewise; with one of these, clients of Triton may load a model with its files, through the gates',
  )
  .option('--tls-cert <file>', 'certificate, PEM; with --tls-key every address speaks TLS')
  .option('--tls-key <file>', 'its key, PEM')
  .option('--body-limit <size>', 'largest request that is taken', bytes, defaultConfig.bodyLimit)
  .option(
    '--max-wait <ms>',
    'how long a request may take in a lane because of others; what would take longer is refused',
    wait,
    defaultConfig.maxWaitMs,
  )
  .option(
    '--otlp-endpoint <url>',
    'export traces to an OpenTelemetry collector, http://localhost:4318 say (default: OTEL_EXPORTER_OTLP_ENDPOINT)',
    address,
  )
  .option('--json', 'print the addresses as JSON')
  .addHelpText(
    'after',
    `
Examples:
  $ slipway serve
  $ slipway serve --lanes 2 --data /var/lib/slipway
  $ slipway serve --host 0.0.0.0 --key-file keys
  $ slipway serve --allow-python --python .venv/bin/python

Ctrl-C stops gracefully: what was accepted is answered. A second Ctrl-C stops
at once.`,
  )
  .action(async (options: Options) => {
    const { host, port, controlPort, data, lanes, bodyLimit, json, tlsCert, tlsKey } = options;
    if ((tlsCert === undefined) !== (tlsKey === undefined))
      throw new UsageError('--tls-cert and --tls-key belong together.', 'Give both, or none.');
    const tls = tlsCert !== undefined && tlsKey !== undefined ? { cert: tlsCert, key: tlsKey } : null;
    const config: Config = {
      ...defaultConfig,
      host,
      port,
      grpcPort: options.grpcPort ?? nextPort(port),
      controlPort,
      data,
      lanes,
      modelMemory: options.modelMemory ?? null,
      scorerMemory: options.scorerMemory ?? null,
      candidateMs: options.candidateTimeout,
      candidateBytes: options.candidateMemory,
      bodyLimit,
      maxWaitMs: options.maxWait,
      keyFile: options.keyFile ?? null,
      adminKeyFile: options.adminKeyFile ?? null,
      otlpEndpoint: options.otlpEndpoint ?? null,
      tls,
      python: pythonOf(options),
    };
    const asked = untilAskedToStop();
    const { stop, ...addresses } = await startSupervisor(config);
    if (json) sayJson({ ...addresses, data: config.data });
    else {
      say(`Slipway is up. Everything is kept in ${config.data}.`);
      say(`  predictions and labels  ${paint('cyan', addresses.dataPlane)}`);
      say(`  the same over gRPC      ${paint('cyan', addresses.grpc)}`);
      say(`  console, API, metrics   ${paint('cyan', addresses.control)}`);
    }
    await asked;
    if (!json) say('\nStopping: what was accepted is answered. (Ctrl-C again: at once.)');
    await stop();
    process.exit(exitCode.ok);
  });

withCandidate(serve);
withPython(serve);

/** Any free port where the one before it is. */
function nextPort(before: number): number {
  return before === 0 || before === 65_535 ? 0 : before + 1;
}

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
