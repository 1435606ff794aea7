import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, existsSync, mkdtempSync, openSync, readdirSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { SingleBar } from 'cli-progress';
import { Command, InvalidArgumentError } from 'commander';
import type { DeployAnswer } from '../api.ts';
import { SlipwayError } from '../errors.ts';
import { replay, type Seen } from './demo/replay.ts';
import { Story } from './demo/story.ts';
import { type Row, readExample, trainRows } from './demo/stream.ts';
import { closing, closingText, sincePromotion } from './demo/table.ts';
import { port, wholeNumber } from './options.ts';
import { paint, say, sayJson } from './output.ts';
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
/** The story is looked at so often, rows. */
const storyRows = 250;

export const demo = new Command('demo')
  .description('play the electricity market of New South Wales through a Slipway of its own')
  .option('--pace <rows>', 'rows a second, or max', pace, usualPace)
  .option('--port <port>', 'data plane', port, 8080)
  .option('--control-port <port>', 'console and API', port, 8090)
  .option(
    '--data <folder>',
    'where everything is kept; emptied first if an earlier demo made it',
    join('.slipway', 'demo'),
  )
  .option('--lanes <count>', 'processes that answer predictions', wholeNumber, 1)
  .option('--exit', 'end after the closing table')
  .option('--json', 'print the closing table as JSON, and nothing else')
  .option('--rows <count>', 'play only so many rows', wholeNumber)
  .option('--record <file>', 'write what the caller saw, a JSON line a row')
  .option('--candidate <file>', 'another version 2 than the learner')
  .option(
    '--shuffle-labels <seed>',
    'a control: the live labels in random order, so that nothing can be learned',
    wholeNumber,
  )
  .addHelpText(
    'after',
    `
What happens: version 1, a LightGBM model trained on the first fifth of the stream, goes live. The other
36,250 half hours are played as live traffic, each row's label arriving a day (48 rows) late. Version 2, a
learner begun on the same rows, learns in shadow from the late labels, and is promoted by itself once it is
proven better. Row i is asked when exactly the labels up to row i − 48 are learned and served, so every
figure but the speed is the same at every pace.`,
  )
  .action(async (options: Options) => {
    const example = readExample();
    prepareFolder(options.data);
    const server = await startServer(options);
    const tell = options.json ? () => {} : say;
    try {
      const remote: Remote = { server: server.control, key: undefined };
      tell(
        `Slipway is up: console ${paint('cyan', server.control)}, predictions ${paint('cyan', server.dataPlane)}\n`,
      );
      const story = new Story(remote, tell);
      await deployBoth(remote, example, options.candidate ?? example.learner);
      await story.goOn();
      const count = Math.min(options.rows ?? Number.POSITIVE_INFINITY, example.rows.length - trainRows);
      const rows =
        options.shuffleLabels === undefined ? example.rows : shuffled(example.rows, options.shuffleLabels);
      const replayed = await play(server.dataPlane, rows, count, options, remote);
      const table = await closing(remote, replayed);
      if (options.json) sayJson(table);
      else
        say(
          `${closingText(table, await sincePromotion(remote))}\n\nConsole: ${paint('cyan', server.control)}`,
        );
      if (options.exit) return;
      tell('It stays up until Ctrl-C.');
      await new Promise<void>((done) => process.once('SIGINT', done).once('SIGTERM', done));
    } finally {
      await server.stop();
    }
  });

interface Server {
  dataPlane: string;
  control: string;
  stop(): Promise<void>;
}

/** `slipway serve`, as any user starts it, in a process of its own. */
async function startServer({ data, port: dataPort, controlPort, lanes }: Options): Promise<Server> {
  const program = process.argv[1]!;
  const words = [
    'serve',
    '--json',
    '--data',
    data,
    '--lanes',
    lanes,
    '--port',
    dataPort,
    '--control-port',
    controlPort,
  ];
  const child: ChildProcess = spawn(process.execPath, [program, ...words.map(String)], {
    stdio: ['ignore', 'pipe', 'inherit'],
    // Ctrl-C is for the demo, which stops the server when it is done with it.
    detached: true,
  });
  process.once('exit', () => child.kill('SIGTERM'));
  let text = '';
  const exited = new Promise<number | null>((done) => child.once('exit', done));
  const addresses = await new Promise<{ dataPlane: string; control: string }>((done, fail) => {
    child.stdout!.on('data', (chunk: Buffer) => {
      text += chunk;
      try {
        done(JSON.parse(text));
      } catch {
        // Not all of it has come yet.
      }
    });
    void exited.then((code) => {
      try {
        const { error } = JSON.parse(text);
        fail(new SlipwayError(error.code, error.message, error.hint));
      } catch {
        fail(new SlipwayError('INTERNAL', `The server ended at its start (code ${code}).`));
      }
    });
  });
  return {
    ...addresses,
    stop: async () => {
      child.kill('SIGTERM');
      await exited;
    },
  };
}

/** An earlier demo's folder is emptied; anybody else's is left alone. */
function prepareFolder(data: string): void {
  const folder = resolve(data);
  if (!existsSync(folder)) return;
  const names = readdirSync(folder);
  if (names.length > 0 && !names.includes('lock')) {
    throw new SlipwayError(
      'CONFLICT',
      `${folder} is not empty and not Slipway’s.`,
      'Give the demo another --data folder.',
    );
  }
  rmSync(folder, { recursive: true, force: true });
}

async function deployBoth(
  remote: Remote,
  example: ReturnType<typeof readExample>,
  candidate: string,
): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'slipway-demo-'));
  try {
    const training = join(folder, 'train.csv');
    example.cutTraining(training);
    const baseline = await upload(remote, training);
    const path = '/api/models/electricity/versions';
    const [file, golden] = [await upload(remote, example.model), await upload(remote, example.golden)];
    await ask<DeployAnswer>(remote, 'POST', path, { file, golden, baseline, label: 'class' });
    await ask<DeployAnswer>(remote, 'POST', path, {
      file: await upload(remote, candidate),
      baseline,
      label: 'class',
      as: 'shadow',
    });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function play(dataPlane: string, rows: Row[], count: number, options: Options, remote: Remote) {
  const shows = !options.json && process.stdout.isTTY;
  const bar = new SingleBar({
    format: '  {bar} {value} of {total} rows  {right} right  live: version {version}',
    hideCursor: true,
    clearOnComplete: true,
  });
  if (shows) bar.start(count, 0, { right: '–', version: 1 });
  const story = new Story(remote, (text) => {
    if (options.json) return;
    // Above the bar, which is then drawn anew.
    if (shows) process.stdout.write('\r\x1b[K');
    say(text);
  });
  const record = options.record === undefined ? null : openSync(options.record, 'w');
  let right = 0;
  let telling: Promise<void> = story.goOn();
  const replayed = await replay({
    dataPlane,
    rows,
    count,
    pace: options.pace,
    onRow: (seen: Seen, played: number) => {
      if (seen.prediction === seen.label) right++;
      if (record !== null) writeSync(record, `${JSON.stringify(seen)}\n`);
      if (played % storyRows !== 0) return;
      telling = telling.then(() => story.goOn());
      if (shows)
        bar.update(played, { right: `${((100 * right) / played).toFixed(1)} %`, version: seen.version });
      else if (!options.json && played % (storyRows * 20) === 0)
        say(`  ${played} of ${count} rows, ${((100 * right) / played).toFixed(1)} % right`);
    },
  });
  await telling;
  await story.goOn();
  if (shows) bar.stop();
  if (record !== null) closeSync(record);
  return replayed;
}

/** The live rows' labels in an order that has nothing to do with them (Fisher–Yates over a linear congruential generator). */
function shuffled(rows: Row[], seed: number): Row[] {
  const labels = rows.slice(trainRows).map((row) => row.label);
  let state = seed >>> 0;
  for (let i = labels.length - 1; i > 0; i--) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    const j = Math.floor((state / 2 ** 32) * (i + 1));
    [labels[i], labels[j]] = [labels[j]!, labels[i]!];
  }
  return rows.map((row, i) => (i < trainRows ? row : { ...row, label: labels[i - trainRows]! }));
}

function pace(text: string): number {
  if (text === 'max') return Number.POSITIVE_INFINITY;
  const value = Number(text);
  if (!(value > 0)) throw new InvalidArgumentError('It is neither a number of rows a second nor max.');
  return value;
}
