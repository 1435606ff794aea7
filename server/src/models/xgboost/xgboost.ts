import { readFile, stat } from 'node:fs/promises';
import { SlipwayError } from '../../errors.ts';
import { type Feature, matrixOf, type Signature, type TensorSpec } from '../../signature.ts';
import { namedClasses } from '../classes.ts';
import { attachForest } from '../forest/attach.ts';
import { compileForest } from '../forest/compile.ts';
import { treeDepths } from '../forest/forest.ts';
import { encodeProgram } from '../forest/program.ts';
import type { Importance, Kind, ModelFiles, ModelHints, Prepared } from '../model.ts';
import { inMemory, programPart } from '../program-file.ts';
import { attachLinear, encodeLinear, isLinear } from './linear.ts';
import type { XgboostModel } from './read-xgboost.ts';
import { readXgboost } from './read-xgboost.ts';

/** XGBoost's JSON and UBJSON, compiled to WebAssembly: margins bit-equal to XGBoost's. */
export const xgboost: Kind = {
  name: 'xgboost',
  title: 'XGBoost JSON or UBJSON (Booster.save_model, save_raw)',
  tolerance: 1e-6,
  runs: () => 'inline',
  learns: false,
  recognises: (head) => beginnings.some((begins) => begins.test(Buffer.from(head).toString('latin1'))),
  prepare,
  attach: async (program, signature) =>
    isLinear(await inMemory(programPart(program, 0, 4)))
      ? attachLinear(await inMemory(program), signature)
      : attachForest(program, signature),
};

const beginnings = [
  // XGBoost sorts its keys; others may put the version first.
  /^(\xef\xbb\xbf)?\s*\{\s*("version"\s*:\s*\[[^\]]*\]\s*,\s*)?"learner"\s*:\s*\{/,
  /^\{(L\0{7}|l\0{3}|I\0|U|i).learner\{/s,
];

const mostFileBytes = 2 ** 31 - 1;

async function prepare(files: ModelFiles, hints: ModelHints): Promise<Prepared> {
  const { size } = await stat(files.path);
  if (size > mostFileBytes) {
    throw new SlipwayError('FILE_UNSUPPORTED', `${files.main}: XGBoost files may have up to 2 GiB.`);
  }
  const model = readXgboost(await readFile(files.path), files.main, hints.rounds);
  const signature = signatureOf(model, hints);
  const { forest, linear, link } = model;
  const program = forest === null ? encodeLinear(linear!) : encodeProgram({ ...compileForest(forest), link });
  return { signature, program, facts: factsOf(model), importance: importanceOf(model) };
}

/** What `Booster.get_score` says. Several groups have several coefficients a feature, which are no one number of it. */
function importanceOf({ learner, linear, features }: XgboostModel): Importance[] {
  if (linear === null) return learner.booster.trees!.importance.measures(features.length);
  return linear.groups === 1 ? [{ measure: 'coefficient', values: [...linear.weights] }] : [];
}

/**
 * `predict` is what `Booster.predict` answers. Where that is no probability but the task has classes (softmax's
 * class index, logitraw's margin), the probabilities follow it. Of several targets or quantiles one is the answer.
 */
function signatureOf(model: XgboostModel, hints: ModelHints): Signature {
  const { objective, groups } = model;
  const features = namedBy(hints, model);
  const inputs: TensorSpec[] = [matrixOf('FP32', features.length)];
  const outputs: TensorSpec[] = [];
  const add = (name: string, width: number): void => {
    const column = outputs.reduce((sum, output) => sum + output.width, 0);
    outputs.push({ name, datatype: 'FP32', shape: width === 1 ? [-1] : [-1, width], column, width });
  };
  add('predict', objective.link === 'argmax' ? 1 : groups);
  if (objective.link === 'argmax' || objective.link === 'logit') add('probability', groups);
  const { column } = outputs.at(-1)!;
  const isMulticlass = objective.task === 'multiclass';
  const answer = { column: column + answeredTarget(model), width: isMulticlass ? groups : 1 };
  const signature: Signature = {
    task: objective.task,
    features,
    inputs,
    outputs,
    answer,
    missingAllowed: true,
  };
  if (!isMulticlass && objective.task !== 'binary') return signature;
  return { ...signature, classes: namedClasses(isMulticlass ? groups : 2, hints) };
}

/** The features, named as a description beside the file names them if the file itself does not. */
function namedBy(hints: ModelHints, { learner, features }: XgboostModel): Feature[] {
  const said = learner.featureNames.length === 0 ? hints.features : undefined;
  if (said?.length !== features.length) return features;
  return features.map((feature, k) => ({ ...feature, name: said[k]! }));
}

/** The quantile next to the median; else the first target. */
function answeredTarget({ learner, groups }: XgboostModel): number {
  const alphas = (learner.quantiles ?? '').replace(/[[\]]/g, '').split(',').map(Number);
  if (alphas.length !== groups) return 0;
  const distances = alphas.map((alpha) => Math.abs(alpha - 0.5));
  return Math.max(0, distances.indexOf(Math.min(...distances)));
}

function factsOf(model: XgboostModel): Prepared['facts'] {
  const { learner, features, groups, objective, forest, rounds } = model;
  const facts: Prepared['facts'] = {
    framework: 'xgboost',
    frameworkVersion: learner.version.join('.'),
    booster: learner.booster.name,
    objective: learner.objective,
    features: features.length,
    categoricalFeatures: features.filter((feature) => feature.type === 'category').length,
  };
  if (learner.quantiles !== null) facts.quantiles = learner.quantiles;
  if (objective.task !== 'multiclass' && groups > 1) {
    facts.targets = groups;
    facts.answeredTarget = answeredTarget(model);
  }
  if (forest === null || rounds === null) return facts;
  return {
    ...facts,
    rounds: rounds.all,
    servedRounds: rounds.served,
    ...(rounds.best === null ? {} : { bestIteration: rounds.best }),
    trees: rounds.trees,
    leaves: forest.leaves.length,
    maxDepth: treeDepths(forest).reduce((deepest, depth) => Math.max(deepest, depth), 0),
  };
}
