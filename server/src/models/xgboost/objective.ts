import type { Task } from '../../signature.ts';
import type { Link } from '../forest/link.ts';
import type { Document } from './document.ts';

export interface Objective {
  task: Task;
  link: Link['kind'];
  /** How `base_score`, which is in the space of answers, becomes the margin that sums begin with (`ProbToMargin`). */
  start: 'same' | 'logit' | 'log';
}

const regression: Objective = { task: 'regression', link: 'raw', start: 'same' };
const positive: Objective = { task: 'regression', link: 'exp', start: 'log' };
const ranking: Objective = { task: 'ranking', link: 'raw', start: 'same' };

/** XGBoost's objectives (src/objective in 3.2.0) and what they make of a margin (`PredTransform`). */
const objectives: ReadonlyMap<string, Objective> = new Map([
  ['reg:squarederror', regression],
  ['reg:linear', regression],
  ['reg:squaredlogerror', regression],
  ['reg:pseudohubererror', regression],
  ['reg:absoluteerror', regression],
  ['reg:quantileerror', regression],
  ['reg:logistic', { task: 'regression', link: 'sigmoid', start: 'logit' }],
  ['binary:logistic', { task: 'binary', link: 'sigmoid', start: 'logit' }],
  ['binary:logitraw', { task: 'binary', link: 'logit', start: 'same' }],
  ['binary:hinge', { task: 'binary', link: 'step', start: 'same' }],
  ['multi:softprob', { task: 'multiclass', link: 'softmax', start: 'same' }],
  ['multi:softmax', { task: 'multiclass', link: 'argmax', start: 'same' }],
  ['count:poisson', positive],
  ['reg:gamma', positive],
  ['reg:tweedie', positive],
  ['survival:cox', positive],
  ['survival:aft', positive],
  ['rank:pairwise', ranking],
  ['rank:ndcg', ranking],
  ['rank:map', ranking],
]);

export function objectiveNamed(name: string, document: Document): Objective {
  const hint = `Slipway knows the answers of ${[...objectives.keys()].join(', ')}.`;
  return (
    objectives.get(name) ??
    document.unsupported('learner.objective', `“${name.slice(0, 40)}” is unknown`, hint)
  );
}

/** XGBoost keeps probabilities this far from 0 and 1. */
const epsilon = Math.fround(1e-6);
const negativeLog = (x: number): number => -Math.fround(Math.log(x));

/** What each of the `groups` sums begins with: `base_score` holds one number a group, or one for all ("[5E-1]", older: "5E-1"). */
export function startMargins(
  baseScore: string,
  groups: number,
  { start }: Objective,
  document: Document,
): Float64Array {
  const place = 'learner.learner_model_param.base_score';
  const words = baseScore
    .trim()
    .replace(/^\[(.*)\]$/s, '$1')
    .split(',');
  if (words.length !== 1 && words.length !== groups) {
    document.broken(place, `has ${words.length} numbers, but there are ${groups} outputs`);
  }
  const margins = words.map((word) => {
    const value = Math.fround(/^\s*[-+]?[\d.]+([eE][-+]?\d+)?\s*$/.test(word) ? Number(word) : Number.NaN);
    if (!Number.isFinite(value)) return document.broken(place, `“${word.slice(0, 40)}” is no finite number`);
    if (start === 'same') return value;
    if (start === 'log') {
      return value > 0 ? -negativeLog(value) : document.broken(place, `is ${value}, but must be positive`);
    }
    if (value < 0 || value > 1) document.broken(place, `is ${value}, which is no probability`);
    const within = Math.min(Math.max(value, epsilon), Math.fround(1 - epsilon));
    return negativeLog(Math.fround(Math.fround(1 / within) - 1));
  });
  return Float64Array.from({ length: groups }, (_, group) => margins[words.length === 1 ? 0 : group]!);
}
