import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { SlipwayError } from '../../errors.ts';

/** Rows that the version was trained on; the stream goes on behind them. */
export const trainRows = 9062;
/** A label is known one day after its row. */
export const labelDelay = 48;
/** Zero-based rows at which the story's eight blocks begin, and the end. */
export const blockEdges = [9062, 13593, 18124, 22656, 27187, 31718, 36249, 40780, 45312];

const halfHour = 30 * 60_000;
/** The stream's first half hour, as it is commonly given. */
const firstAt = Date.UTC(1996, 4, 7);

/** Event time of a row, ms. */
export function timeOf(row: number): number {
  return firstAt + row * halfHour;
}

/** The row of an event time: the first at or after it. */
export function rowAt(at: number): number {
  return Math.ceil((at - firstAt) / halfHour);
}

/**
 * The row behind which a rollout decided, given the event time of the outcome that settled it: its label came
 * a day late, just before the next row was asked.
 */
export function decidedAt(at: number): number {
  return rowAt(at) + labelDelay - 1;
}

export interface Row {
  /** JSON of the features by name: made once, sent as it is. */
  features: string;
  label: number;
}

/** The examples beside the compiled server in the package, or in the clone. */
const places = [
  new URL('../../examples/electricity/', import.meta.url),
  new URL('../../../../examples/electricity/', import.meta.url),
];

export interface Example {
  model: string;
  golden: string;
  learner: string;
  /** Training rows as a file of their own are written here by `cutTraining`. */
  rows: Row[];
  cutTraining(file: string): void;
}

/** The electricity market of New South Wales (examples/electricity/README.md). Throws NOT_FOUND. */
export function readExample(): Example {
  const place = places.find((one) => existsSync(one));
  if (!place)
    throw new SlipwayError(
      'NOT_FOUND',
      'The example data is not here.',
      'Run the demo from a clone or the npm package.',
    );
  const file = (name: string) => new URL(name, place).pathname;
  const [header = '', ...lines] = readFileSync(file('elec.csv'), 'utf8').trimEnd().split('\n');
  const names = header.split(',').slice(0, -1);
  return {
    model: file('model.txt'),
    golden: file('golden.json'),
    learner: file('learner.json'),
    rows: lines.map((line) => {
      const cells = line.split(',');
      return {
        features: `{${names.map((name, i) => `"${name}":${cells[i]}`).join(',')}}`,
        label: Number(cells.at(-1)),
      };
    }),
    cutTraining: (to) => writeFileSync(to, `${[header, ...lines.slice(0, trainRows)].join('\n')}\n`),
  };
}
