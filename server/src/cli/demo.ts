import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command, InvalidArgumentError, Option } from 'commander';
import type { DeployAnswer } from '../api.ts';
import { emptyFolder } from './demo/data-folder.ts';
import { type OwnServer, startOwnServer } from './demo/own-server.ts';
import { type Replayed, replay, type Seen } from './demo/replay.ts';
import { Screen } from './demo/screen.ts';
import { shuffledLabels } from './demo/shuffled.ts';
import { Story } from './demo/story.ts';
import { type Example, readExample, trainRows } from './demo/stream.ts';
import { closing, closingText, sincePromotion } from './demo/table.ts';
import { lanes, port, wholeNumber } from './options.ts';
import { exitCode, paint, say, sayJson } from './output.ts';
import { ask, type Remote, upload } from './remote.ts';

interface Options {
  pace: number;
  port: number;
  controlPort: number;
  data: string;
  lanes: number;
  exit?: boolean;
  json?: boolean;
  rows?: number;
  record?: string;
  candidate?: string;
  shuffleLabels?: number;
}

/** Rows a second by default: the stream takes about a minute. */
const usualPace = 600;

export const demo = new Command('demo')
  .description('play the electricity market of New South Wales through a Slipway of its own')
  .option('--pace <rows>', 'rows a second, or max', pace, usualPace)
  .option('--port <port>', 'data plane (0: any free port)', port, 8080)
  .option('--control-port <port>', 'console and API (0: any free port)', port, 8090)
  .option(
    '--data <folder>',
    'where everything is kept; emptied first if an earlier demo made it',
    join('.slipway', 'demo'),
  )
  .option('--lanes <count>', 'processes that answer predictions', lanes, 1)
  .option('--exit', 'end after the closing table')
  .option('--json', 'print the closing table as JSON, and nothing else')
  .option('--record <file>', 'write what the caller saw, a JSON line a row')
  .addOption(
    new Option('--rows <count>', 'play only so many rows').argParser(wholeNumber).helpGroup('Experiments:'),
  )
  .addOption(new Option('--candidate <file>', 'another version 2 than the learner').helpGroup('Experiments:'))
  .addOption(
    new Option(
      '--shuffle-labels <seed>',
      'a control: teach the learner labels in random order, and correct them at once',
    )
      .argParser(wholeNumber)
      .helpGroup('Experiments:'),
  )
  .addHelpText(
    'after',
    `
What happens: version 1, a LightGBM model trained on the first fifth of the
stream (rows 0 to 9061), goes live. The other 36,250 half hours are played as
live traffic in time order, each row's label arriving a day (48 rows) late.
Version 2, a learner begun on the same training rows, learns in shadow from the
late labels, and is promoted by itself once it is proven better. Row i is asked
when exactly the labels up to row i − 48 are learned and served, so every figure
but the speed is the same in every run and at every pace.

Examples:
  $ slipway demo                           a minute; then see the console
  $ slipway demo --pace max --exit --json  the figures, for a script
  $ slipway demo --candidate model.txt     version 1 against its own copy`,
  )
  .action(async (options: Options) => {
    const example = readExample();
    emptyFolder(options.data);
    const { data, lanes, port: dataPort, controlPort } = options;
    const stopping = new AbortController();
    const interrupted = new Promise<'interrupted'>((resolve) => {
      stopping.signal.addEventListener('abort', () => resolve('interrupted'));
    });
    let server: OwnServer | null = null;
    for (const signal of ['SIGINT', 'SIGTERM'] as const) {
      process.on(signal, () => {
        // The first stops gracefully, the second at once.
        if (stopping.signal.aborted) void server?.stop();
        stopping.abort();
      });
    }
    try {
      const words = ['--data', data, '--lanes', lanes, '--port', dataPort, '--control-port', controlPort];
      server = await startOwnServer(words.map(String));
      const end = await Promise.race([
        show(server, example, options, stopping.signal),
        server.lost,
        interrupted,
      ]);
      if (end === 'interrupted') process.exitCode = exitCode.interrupted;
      else if (!options.exit) await Promise.race([server.lost, interrupted]);
    } finally {
      // Whatever still plays is told, and nobody waits for it.
      stopping.abort();
      await server?.stop();
    }
  });

/** Deploys both versions, plays the stream, and closes with the table. */
async function show(
  server: OwnServer,
  example: Example,
  options: Options,
  signal: AbortSignal,
): Promise<void> {
  const remote: Remote = { server: server.control, key: undefined };
  const screen = new Screen(options.json ?? false);
  screen.tell(
    `Slipway is up: console ${paint('cyan', server.control)}, predictions ${paint('cyan', server.dataPlane)}\n`,
  );
  const story = new Story(remote, (text) => screen.tell(text));
  void story.follow(signal);
  try {
    await deployBoth(remote, example, options.candidate ?? example.learner);
    await story.goOn();
    const table = await closing(remote, await play(server.dataPlane, example, options, screen, signal));
    await story.goOn();
    screen.end();
    if (options.json) sayJson(table);
    else {
      say(closingText(table, await sincePromotion(remote)));
      say(`\nConsole: ${paint('cyan', server.control)}${options.exit ? '' : '   It stays up until Ctrl-C.'}`);
    }
  } finally {
    screen.end();
  }
}

/** Version 1, with its training rows and golden rows, goes live; version 2 begins in shadow. */
async function deployBoth(remote: Remote, example: Example, candidate: string): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'slipway-demo-'));
  try {
    const training = join(folder, 'train.csv');
    example.cutTraining(training);
    const baseline = await upload(remote, training);
    const path = '/api/models/electricity/versions';
    const [file, golden] = [await upload(remote, example.model), await upload(remote, example.golden)];
    await ask<DeployAnswer>(remote, 'POST', path, { file, golden, baseline, label: 'class' });
    const second = { file: await upload(remote, candidate), baseline, label: 'class', as: 'shadow' };
    await ask<DeployAnswer>(remote, 'POST', path, second);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function play(
  dataPlane: string,
  example: Example,
  options: Options,
  screen: Screen,
  signal: AbortSignal,
): Promise<Replayed> {
  const { rows } = example;
  const { pace, rows: most = Number.POSITIVE_INFINITY, shuffleLabels } = options;
  const count = Math.min(most, rows.length - trainRows);
  const record = options.record === undefined ? null : openSync(options.record, 'w');
  let right = 0;
  screen.begin(count);
  try {
    return await replay({
      dataPlane,
      rows,
      count,
      pace,
      taught: shuffleLabels === undefined ? null : shuffledLabels(rows, shuffleLabels),
      signal,
      onRow: (seen: Seen, played: number) => {
        if (seen.prediction === seen.label) right++;
        if (record !== null) writeSync(record, `${JSON.stringify(seen)}\n`);
        screen.progress(played, right, seen.version);
      },
    });
  } finally {
    if (record !== null) closeSync(record);
  }
}

function pace(text: string): number {
  if (text === 'max') return Number.POSITIVE_INFINITY;
  const value = Number(text);
  if (!(value > 0)) throw new InvalidArgumentError('It is neither a number of rows a second nor max.');
  return value;
}
