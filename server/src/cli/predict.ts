import { readFileSync } from 'node:fs';
import { Command } from 'commander';
import type { StatusView } from '../api.ts';
import { parseExact, stringify } from '../json.ts';
import { type RemoteOptions, remoteOf, withRemote } from './options.ts';
import { say, sayJson, table } from './output.ts';
import { ask, type Remote } from './remote.ts';
import { UsageError, unreadable } from './usage-error.ts';

interface Options extends RemoteOptions {
  features?: string;
  file?: string;
  subject?: string;
  recordKey?: string;
}

interface Prediction {
  id: string;
  version: number;
  prediction: string | number | null;
  probabilities?: Record<string, number>;
  scores?: Record<string, number>;
}

type OneAnswer = Prediction & { model: string };

interface ManyAnswers {
  version: number;
  predictions: Omit<Prediction, 'version'>[];
}

/** A prediction and its id, in columns. */
const idWidth = 54;

/** Rows a request, so that no request is too large. */
const rowsAtATime = 1000;

export const predict = withRemote(
  new Command('predict')
    .description('ask a model, through the data plane like any caller')
    .argument('<name>', 'the model'),
)
  .option('--features <json>', 'one row: an object of feature names and values')
  .option(
    '--file <rows>',
    'many rows: CSV with a header, Parquet, a JSON list of objects, or an object a line',
  )
  .option('--subject <text>', 'whom it is about')
  .option('--record-key <text>', 'your own name for it; its label can come by that')
  .addHelpText(
    'after',
    `
Examples:
  $ slipway predict churn --features '{"age": 41}' --record-key customer-7
  $ slipway predict churn --file customers.csv --json |
      jq -r '.predictions[].prediction'

Predictions are journaled like any caller's; their ids are for the labels that
come later.`,
  )
  .action(async (name: string, options: Options) => {
    const remote = remoteOf(options);
    if ((options.features === undefined) === (options.file === undefined)) {
      throw new UsageError('Give either --features or --file.', 'See slipway predict --help.');
    }
    const status = await ask<StatusView>(remote, 'GET', '/api/status');
    const url = `${dataPlaneOf(remote, status)}/predict/${encodeURIComponent(name)}`;
    const caller = {
      ...(options.subject ? { subject: options.subject } : {}),
      ...(options.recordKey ? { key: options.recordKey } : {}),
    };
    if (options.features !== undefined) {
      const features = parse(options.features, '--features');
      const answer = await ask<OneAnswer>(remote, 'POST', url, { features, ...caller });
      if (options.json) sayJson(answer);
      else tell([answer]);
      return;
    }
    const rows = await readRows(options.file!);
    const predictions: Prediction[] = [];
    // An empty file is sent too: what to say about it is the server's.
    for (let from = 0; from === 0 || from < rows.length; from += rowsAtATime) {
      const some = { rows: rows.slice(from, from + rowsAtATime), ...caller };
      const answer = await ask<ManyAnswers>(remote, 'POST', url, some);
      // The live version may change between two requests.
      const { version } = answer;
      for (const { id, ...rest } of answer.predictions) predictions.push({ id, version, ...rest });
    }
    if (options.json) sayJson({ model: name, predictions });
    else tell(predictions);
  });

/** A server that listens on every address of its machine is called under the name that control has here. */
function dataPlaneOf({ server }: Remote, { dataPlane }: StatusView): string {
  const url = new URL(dataPlane);
  if (['0.0.0.0', '[::]'].includes(url.hostname)) url.hostname = new URL(server).hostname;
  return url.origin;
}

function tell(predictions: Prediction[]): void {
  const numbers = ({ probabilities, scores }: Prediction) => probabilities ?? scores ?? {};
  const classes = predictions[0] ? Object.keys(numbers(predictions[0])) : [];
  const sign = predictions[0]?.scores ? 'score' : 'p';
  const all = classes.map((label) => `${sign}(${label})`);
  // Where not all classes have room, that of the answer, so that the id has.
  const isWide =
    idWidth + all.reduce((sum, title) => sum + title.length + 2, 0) > (process.stdout.columns ?? 1e9);
  const told = (one: Prediction): string[] =>
    (isWide ? [String(one.prediction)] : classes).map((label) => numbers(one)[label]?.toFixed(4) ?? '–');
  const rows = predictions.map((one) => [
    typeof one.prediction === 'object' ? stringify(one.prediction) : String(one.prediction),
    ...told(one),
    one.id,
  ]);
  say(table(['prediction', ...(isWide ? [sign] : all), 'id'], rows));
  const versions = [...new Set(predictions.map(({ version }) => version))];
  say(`\nAnswered by version ${versions.join(', then ')}.`);
}

async function readRows(file: string): Promise<object[]> {
  let bytes: Buffer;
  try {
    bytes = readFileSync(file);
  } catch (error) {
    throw unreadable(file, error);
  }
  const begin = bytes.subarray(0, 1024).toString('latin1').trimStart()[0];
  if (begin === '[') return parse(bytes.toString(), file) as object[];
  if (begin === '{') return rowsOfLines(bytes.toString(), file);
  // Loaded only here: its native library is large.
  const { readTable } = await import('../gates/training.ts');
  try {
    const { rows, names, columns } = await readTable(file, file);
    return Array.from({ length: rows }, (_, row) =>
      Object.fromEntries(names.map((name, i) => [name, missingAsNull(columns[i]![row])])),
    );
  } catch (error) {
    throw new UsageError(
      (error as Error).message,
      'Rows come as CSV with a header, as Parquet, or as a JSON list of objects.',
    );
  }
}

/** A JSON object a line; one object alone may be spread over several. */
function rowsOfLines(text: string, file: string): object[] {
  const lines = text.split('\n').filter((line) => line.trim() !== '');
  try {
    return lines.map((line) => parseExact(line) as object);
  } catch {
    return [parse(text, file) as object];
  }
}

function missingAsNull(value: number | string | null | undefined): number | string | null {
  return value === undefined || Number.isNaN(value) ? null : value;
}

function parse(text: string, what: string): unknown {
  try {
    return parseExact(text);
  } catch (error) {
    throw new UsageError(
      `${what} is not JSON: ${(error as Error).message}.`,
      `Quote it for the shell: --features '{"x": 1}'`,
    );
  }
}
