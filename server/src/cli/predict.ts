import { readFileSync } from 'node:fs';
import { Command } from 'commander';
import type { StatusView } from '../api.ts';
import { SlipwayError } from '../errors.ts';
import { type RemoteOptions, remoteOf, withRemote } from './options.ts';
import { say, sayJson, table } from './output.ts';
import { ask } from './remote.ts';

interface Options extends RemoteOptions {
  features?: string;
  file?: string;
  subject?: string;
  recordKey?: string;
}

interface Answer {
  id: string;
  version: number;
  prediction?: unknown;
  probabilities?: Record<string, number>;
  predictions?: { id: string; prediction: unknown; probabilities?: Record<string, number> }[];
}

/** Rows a request, so that no request is too large. */
const rowsAtATime = 1000;

export const predict = withRemote(
  new Command('predict')
    .description('ask a model, through the data plane like any caller')
    .argument('<name>', 'the model'),
)
  .option('--features <json>', 'one row: an object of feature names and values')
  .option('--file <rows>', 'many rows: CSV with a header, Parquet, or a JSON list of objects')
  .option('--subject <text>', 'whom it is about')
  .option('--record-key <text>', 'your own name for it; its label can come by that')
  .addHelpText('after', `\nExample:\n  $ slipway predict churn --features '{"age": 41, "plan": "basic"}'`)
  .action(async (name: string, options: Options) => {
    const remote = remoteOf(options);
    if ((options.features === undefined) === (options.file === undefined)) {
      throw new SlipwayError(
        'INVALID_REQUEST',
        'Give either --features or --file.',
        'See slipway predict --help.',
      );
    }
    const { dataPlane } = await ask<StatusView>(remote, 'GET', '/api/status');
    const url = `${dataPlane}/predict/${encodeURIComponent(name)}`;
    const caller = {
      ...(options.subject ? { subject: options.subject } : {}),
      ...(options.recordKey ? { key: options.recordKey } : {}),
    };
    if (options.features !== undefined) {
      const features = parse(options.features, '--features');
      const answer = await ask<Answer>(remote, 'POST', url, { features, ...caller });
      if (options.json) sayJson(answer);
      else
        tell(
          [
            {
              id: answer.id,
              prediction: answer.prediction,
              ...(answer.probabilities ? { probabilities: answer.probabilities } : {}),
            },
          ],
          answer.version,
        );
      return;
    }
    const rows = await readRows(options.file!);
    const answers: NonNullable<Answer['predictions']> = [];
    let version = 0;
    for (let from = 0; from < rows.length; from += rowsAtATime) {
      const answer = await ask<Answer>(remote, 'POST', url, {
        rows: rows.slice(from, from + rowsAtATime),
        ...caller,
      });
      answers.push(...(answer.predictions ?? []));
      version = answer.version;
    }
    if (options.json) sayJson({ version, predictions: answers });
    else tell(answers, version);
  });

function tell(answers: NonNullable<Answer['predictions']>, version: number): void {
  const classes = Object.keys(answers[0]?.probabilities ?? {});
  const rows = answers.map((one) => [
    String(one.prediction),
    ...classes.map((label) => one.probabilities![label]!.toFixed(4)),
    one.id,
  ]);
  say(table(['prediction', ...classes.map((label) => `p(${label})`), 'id'], rows));
  say(`\nAnswered by version ${version}.`);
}

async function readRows(file: string): Promise<object[]> {
  let text: string;
  try {
    text = readFileSync(file, 'latin1');
  } catch (error) {
    throw new SlipwayError(
      'INVALID_REQUEST',
      `${file} cannot be read: ${(error as Error).message}.`,
      'Check the path.',
    );
  }
  if (text.trimStart().startsWith('[')) return parse(readFileSync(file, 'utf8'), file) as object[];
  // Loaded only here: its native library is large.
  const { readTable } = await import('../gates/training.ts');
  const { rows, names, columns } = await readTable(file, file);
  return Array.from({ length: rows }, (_, row) =>
    Object.fromEntries(names.map((name, i) => [name, missingAsNull(columns[i]![row])])),
  );
}

function missingAsNull(value: number | string | null | undefined): number | string | null {
  return value === undefined || Number.isNaN(value) ? null : value;
}

function parse(text: string, what: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new SlipwayError('INVALID_JSON', `${what} is not JSON: ${(error as Error).message}.`);
  }
}
