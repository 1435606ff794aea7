import { readFile, stat } from 'node:fs/promises';
import { SlipwayError } from '../../errors.ts';
import { matrixOf, type Signature } from '../../signature.ts';
import type { Kind, Learner, ModelFiles, ModelHints, Prepared } from '../model.ts';
import { inMemory, type ProgramBytes } from '../program-file.ts';
import { type LogisticArtifact, readArtifact } from './artifact.ts';
import { LogisticLearner, type LogisticRates } from './learner.ts';
import { decodeState } from './state.ts';

const mostFileBytes = 64 * 1024 * 1024;
const rateBytes = 16;

/** Slipway's own learner: running standardisation and logistic regression, two classes. */
export const logistic: Kind = {
  name: 'logistic',
  title: 'Slipway’s logistic learner (JSON)',
  // The folded form that answers and the vectors' order of operations differ in the last bits only.
  tolerance: 1e-9,
  runs: () => 'inline',
  learns: true,
  recognises: (head) => /^\s*\{[^{}]*"slipway"\s*:\s*"logistic"/.test(Buffer.from(head).toString('latin1')),
  prepare,
  attach,
};

async function prepare(files: ModelFiles, hints: ModelHints): Promise<Prepared> {
  if ((await stat(files.path)).size > mostFileBytes) {
    throw new SlipwayError('FILE_BROKEN', `${files.main}: a learner’s file has at most 64 MiB.`);
  }
  const artifact = readArtifact(await readFile(files.path, 'utf8'), files.main);
  const features = artifact.features ?? hints.training?.features;
  if (!features) {
    throw new SlipwayError(
      'FILE_BROKEN',
      `${files.main} names no features, and there is no training data to take them from.`,
      'Add "features" to the file, or deploy with --baseline and --label.',
    );
  }
  const signature = signatureOf(features, hints, artifact);
  const learner = new LogisticLearner(signature, artifact, artifact.state ?? undefined);
  const learned = artifact.state ? 0 : begin(learner, features, hints);
  return {
    signature,
    program: encodeProgram(artifact, learner),
    facts: {
      framework: 'slipway',
      features: features.length,
      learningRate: artifact.learningRate,
      interceptLearningRate: artifact.interceptLearningRate,
      begunOnRows: learned,
    },
  };
}

/** The learner begins on the training rows, in their order. Returns how many it learned. */
function begin(learner: LogisticLearner, features: string[], hints: ModelHints): number {
  const { training } = hints;
  if (!training) return 0;
  const columns = features.map((name) => {
    const column = training.features.indexOf(name);
    if (column < 0) throw new SlipwayError('DATA_BROKEN', `The training data has no column "${name}".`);
    return column;
  });
  const { frame, targets } = training;
  const row = new Float64Array(features.length);
  let learned = 0;
  for (let r = 0; r < frame.rows; r++) {
    for (let i = 0; i < columns.length; i++) row[i] = frame.values[r * frame.width + columns[i]!]!;
    if (learner.learn(row, targets[r]!)) learned++;
  }
  return learned;
}

function signatureOf(features: string[], hints: ModelHints, artifact: LogisticArtifact): Signature {
  const classes = hints.classes ?? artifact.classes ?? hints.training?.classes ?? [0, 1];
  if (classes.length !== 2) {
    throw new SlipwayError('FILE_UNSUPPORTED', `A logistic learner has two classes, not ${classes.length}.`);
  }
  return {
    task: 'binary',
    features: features.map((name) => ({ name, type: 'number' })),
    inputs: [matrixOf('FP64', features.length)],
    outputs: [{ name: 'predict', datatype: 'FP64', shape: [-1], column: 0, width: 1 }],
    classes: [...classes],
    answer: { column: 0, width: 1 },
    missingAllowed: true,
  };
}

/** The two rates, then the state it begins with. */
function encodeProgram(rates: LogisticRates, learner: LogisticLearner): Uint8Array {
  const state = learner.state();
  const program = new Uint8Array(rateBytes + state.length);
  const view = new DataView(program.buffer);
  view.setFloat64(0, rates.learningRate, true);
  view.setFloat64(8, rates.interceptLearningRate, true);
  program.set(state, rateBytes);
  return program;
}

async function attach(bytes: ProgramBytes, signature: Signature): Promise<Learner> {
  const program = await inMemory(bytes);
  const view = new DataView(program.buffer, program.byteOffset, program.byteLength);
  const rates = { learningRate: view.getFloat64(0, true), interceptLearningRate: view.getFloat64(8, true) };
  const state = decodeState(program.subarray(rateBytes), signature.features.length);
  return new LogisticLearner(signature, rates, state);
}
