import type { Feature } from '../../signature.ts';
import type { Forest } from '../forest/forest.ts';
import type { Link } from '../forest/link.ts';
import type { Document } from './document.ts';
import { featuresOf } from './features.ts';
import { JsonDocument } from './json-document.ts';
import type { Booster, Learner } from './learner.ts';
import { readLearner } from './learner.ts';
import type { LinearModel } from './linear.ts';
import type { Objective } from './objective.ts';
import { objectiveNamed, startMargins } from './objective.ts';
import { type Rounds, roundsOf } from './rounds.ts';
import { UbjDocument } from './ubj-document.ts';

export interface XgboostModel {
  learner: Learner;
  objective: Objective;
  features: Feature[];
  /** Sums a row: 1, or one a class or target. */
  groups: number;
  link: Link;
  /** One of the two. */
  forest: Forest | null;
  linear: LinearModel | null;
  /** Null for linear models, whose rounds have left one weight a feature. */
  rounds: Rounds | null;
}

/** More features or outputs than the file names one by one are not taken on its word. */
const most = 65_536;

/**
 * Reads XGBoost's JSON or UBJSON (as written by XGBoost 1 to 3; checked against 3.2.0), whichever it is. Pure;
 * memory is bounded by the file's size. Throws FILE_BROKEN, or FILE_UNSUPPORTED where the file may be right but Slipway
 * cannot know what it means. `file` is its name in messages; `serve` says which rounds are served of a model that
 * was stopped early.
 */
export function readXgboost(bytes: Uint8Array, file: string, serve: 'best' | 'all' = 'best'): XgboostModel {
  // UBJSON has a length's mark after its first brace.
  const isUbj = bytes[0] === 0x7b && 'iUIlL'.includes(String.fromCharCode(bytes[1] ?? 0));
  const document = isUbj ? new UbjDocument(bytes, file) : new JsonDocument(bytes, file);
  const learner = readLearner(document);
  checkVersion(learner, document);
  const objective = objectiveNamed(learner.objective, document);
  const features = integer(learner, 'num_feature', '', document);
  const groups = groupsOf(learner, objective, document);
  const start = startMargins(learner.param.get('base_score') ?? '', groups, objective, document);
  const link = { kind: objective.link, precision: 'float32', scale: 1, divisor: 1 } as const;
  const { booster } = learner;
  let forest: Forest | null = null;
  let linear: LinearModel | null = null;
  let rounds: Rounds | null = null;
  if (booster.name === 'gblinear') {
    linear = { ...linearOf(booster, features, start, document), link };
  } else {
    rounds = roundsOf(learner, groups, serve, document);
    forest = forestOf(booster, rounds.trees, { features, start }, document);
  }
  return {
    learner,
    objective,
    groups,
    link,
    forest,
    linear,
    rounds,
    features: featuresOf(learner, features, forest, document),
  };
}

function checkVersion({ version, booster }: Learner, document: Document): void {
  if (version.length !== 3 || !version.every((part) => Number.isInteger(part) && part >= 0)) {
    document.broken('version', 'is not three numbers');
  }
  if (version[0]! < 1 || version[0]! > 3) {
    document.unsupported('version', `is ${version.join('.')}`, 'Slipway reads the files of XGBoost 1 to 3.');
  }
  if (!['gbtree', 'dart', 'gblinear'].includes(booster.name)) {
    const hint = 'Slipway knows the boosters gbtree, dart and gblinear.';
    document.unsupported('learner.gradient_booster.name', `“${booster.name.slice(0, 40)}” is unknown`, hint);
  }
}

function integer({ param }: Learner, key: string, otherwise: string, document: Document): number {
  const word = param.get(key) ?? otherwise;
  const place = `learner.learner_model_param.${key}`;
  if (!/^\d{1,10}$/.test(word)) document.broken(place, `“${word.slice(0, 40)}” is no count`);
  if (Number(word) > most) {
    document.unsupported(
      place,
      `is ${word}`,
      `Slipway takes up to ${most.toLocaleString('en')} features or outputs.`,
    );
  }
  return Number(word);
}

function groupsOf(learner: Learner, { task }: Objective, document: Document): number {
  const classes = integer(learner, 'num_class', '0', document);
  const targets = integer(learner, 'num_target', '1', document);
  const fits = task === 'multiclass' ? classes > 1 && targets <= 1 : classes <= 1;
  if (!fits) {
    const why = `is ${classes} (num_target: ${targets}), which does not go with ${learner.objective}`;
    document.broken('learner.learner_model_param.num_class', why);
  }
  return Math.max(1, classes, targets);
}

function forestOf(
  booster: Booster,
  trees: number,
  shape: { features: number; start: Float64Array },
  document: Document,
): Forest {
  const { weights, treeInfo } = booster;
  if (weights !== null) {
    if (weights.length > booster.trees!.count)
      document.broken('weight_drop', 'has more entries than there are trees');
    if (!weights.every((weight) => Number.isFinite(Math.fround(weight))))
      document.broken('weight_drop', 'holds what is no finite float32');
  }
  const forest = booster.trees!.forest(trees, treeInfo, weights, shape);
  const beyond = forest.feature.find((feature) => feature >= shape.features);
  if (beyond !== undefined) {
    document.broken('trees', `one splits on feature ${beyond}, but num_feature is ${shape.features}`);
  }
  if (!forest.leaves.every(Number.isFinite))
    document.broken('weight_drop', 'makes a leaf too great for float32');
  return forest;
}

/** The last row of gblinear's weights is the bias. XGBoost gives every group the first base score (`PredictBatchInternal`). */
function linearOf(
  { linear }: Booster,
  features: number,
  margins: Float64Array,
  document: Document,
): Omit<LinearModel, 'link'> {
  const groups = margins.length;
  const place = 'learner.gradient_booster.model.weights';
  if (linear === null) return document.broken(place, 'is missing');
  if (linear.length !== (features + 1) * groups) {
    return document.broken(place, `has ${linear.length} entries instead of ${(features + 1) * groups}`);
  }
  const weights = Float32Array.from(linear);
  if (!weights.every(Number.isFinite)) document.broken(place, 'holds what is no finite float32');
  const start = weights.subarray(features * groups).map((bias) => bias + margins[0]!);
  return { features, groups, start, weights: weights.subarray(0, features * groups) };
}
