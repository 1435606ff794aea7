import { readFileSync } from 'node:fs';
import { LogisticLearner, type LogisticRates } from '../../../src/models/logistic/learner.ts';
import type { Signature } from '../../../src/signature.ts';
import { newFrame } from '../../../src/tensor.ts';

const root = new URL('../../../../', import.meta.url).pathname;

export const vector = <T>(name: string): T =>
  JSON.parse(readFileSync(`${root}spec/vectors/learning/${name}.json`, 'utf8')) as T;

export interface Stream {
  features: string[];
  rows: Float64Array[];
  targets: number[];
}

const places: Record<string, string> = {
  elec: 'examples/electricity/elec.csv',
  bananas: 'spec/vectors/learning/bananas.csv',
  phishing: 'spec/vectors/learning/phishing.csv',
};

/** A data set in stream order: the label is the last column. */
export function readStream(name: string): Stream {
  const [head, ...lines] = readFileSync(`${root}${places[name]}`, 'utf8').trim().split('\n');
  const values = lines.map((line) => Float64Array.from(line.split(','), Number));
  return {
    features: head!.split(',').slice(0, -1),
    rows: values.map((row) => row.subarray(0, -1)),
    targets: values.map((row) => row.at(-1)!),
  };
}

export function signatureFor(features: string[]): Signature {
  const width = features.length;
  return {
    task: 'binary',
    features: features.map((name) => ({ name, type: 'number' })),
    inputs: [{ name: 'X', datatype: 'FP64', shape: [-1, width], column: 0, width }],
    outputs: [{ name: 'predict', datatype: 'FP64', shape: [-1], column: 0, width: 1 }],
    classes: [0, 1],
    answer: { column: 0, width: 1 },
    missingAllowed: true,
  };
}

export function learnerFor(features: string[], rates: Partial<LogisticRates> = {}): LogisticLearner {
  return new LogisticLearner(signatureFor(features), {
    learningRate: 0.005,
    interceptLearningRate: 0.01,
    ...rates,
  });
}

/** The probability for one row. */
export function asker(learner: LogisticLearner): (row: ArrayLike<number>) => number {
  const frame = newFrame(1, learner.signature.features.length);
  const answer = new Float64Array(1);
  return (row) => {
    frame.values.set(row);
    learner.predict(frame, answer);
    return answer[0]!;
  };
}
