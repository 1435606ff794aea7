import { compileForest } from '../../forest/compile.ts';
import { encodeProgram } from '../../forest/program.ts';
import type { OnnxNode } from '../graph.ts';
import { forEach } from './attributes.ts';
import { type Ensemble, readEnsemble, type Transform } from './ensemble.ts';
import { type ForestOf, forestOf } from './forest-of.ts';
import type { Planner, Value } from './planner.ts';

interface Grown {
  ensemble: Ensemble;
  grown: ForestOf;
  x: Value;
}

/** The node's trees and what they read; null where the forest form does not hold them. */
function grow(node: OnnxNode, planner: Planner, ensemble: Ensemble | null): Grown | null {
  const given = planner.input(node);
  const x = given?.dims.length === 1 ? planner.numbers(given) : null;
  if (!x || !ensemble || ensemble.targets < 1) return null;
  if (x.type !== 'float' && x.type !== 'integer' && x.type !== 'double') return null;
  const grown = forestOf(ensemble, x.width, x.type === 'double');
  return grown && { ensemble, grown, x };
}

const ensembleOf = (node: OnnxNode, planner: Planner): Ensemble | null =>
  readEnsemble(node, planner.input(node)?.type === 'double');

/** Sums of the trees' weights, a target each, in tree order; in double precision where the input is. */
function sumsOf({ ensemble, grown, x }: Grown, planner: Planner): Value {
  const { forest, memberships: questions } = grown;
  for (const [node, feature] of ensemble.feature.entries())
    planner.typical(x, feature, [ensemble.split[node]!]);
  const link = { kind: 'raw', precision: 'float64', scale: 1, divisor: 1 } as const;
  const compile = () => encodeProgram({ ...compileForest(forest), link });
  const from =
    questions.length === 0 ? x : planner.step('ask', x, planner.new(forest.features, x.type), { questions });
  const to = planner.new(ensemble.targets, x.type === 'double' ? 'double' : 'float');
  return planner.step('walk', from, to, { forest: planner.forest(compile) });
}

function plus(base: number[], sums: Value, planner: Planner): Value {
  const to = planner.new(sums.width, sums.type);
  return planner.step('add', sums, to, { at: planner.keep(base) });
}

/** What these operators give is float32, whatever they take. */
function rounded(value: Value, planner: Planner): Value {
  return value.type === 'double' ? planner.step('round', value, planner.new(value.dims, 'float'), {}) : value;
}

/** Scores as `post_transform` makes them; null where it is not known how, in double precision. */
function transformed(scores: Value, by: Transform, planner: Planner): Value | null {
  if (by === 'NONE') return rounded(scores, planner);
  if (scores.type === 'double') return null;
  return planner.step('transform', scores, planner.new(scores.width, 'float'), { by });
}

/** TreeEnsembleRegressor and TreeEnsemble: sums or means, plus base values; transformed where there are several. */
export function planEnsemble(node: OnnxNode, planner: Planner): boolean {
  const found = grow(node, planner, ensembleOf(node, planner));
  if (!found) return false;
  const { ensemble } = found;
  const { targets, aggregate, base, transform, roots } = ensemble;
  if (aggregate !== 'SUM' && aggregate !== 'AVERAGE') return false;
  if (base.length > 0 && base.length !== targets) return false;
  // A single target is taken from a leaf's first weight, whatever its number.
  if (targets === 1 && !oneWeightEach(ensemble)) return false;
  let value = sumsOf(found, planner);
  if (aggregate === 'AVERAGE') {
    const at = planner.keep(forEach([roots.length], targets)!);
    value = planner.step('divide', value, planner.new(targets, value.type), { at });
  }
  if (base.length > 0) value = plus(base, value, planner);
  const result = transformed(value, targets === 1 ? 'NONE' : transform, planner);
  return result !== null && planner.set(node, result);
}

const oneWeightEach = ({ leaves }: Ensemble): boolean =>
  leaves.start.every((start, leaf) => start === leaf) && leaves.weight.length === leaves.start.length - 1;

/** TreeEnsembleClassifier, as `TreeAggregatorClassifier` finishes it. */
export function planClassifier(node: OnnxNode, planner: Planner): boolean {
  const texts = node.attributes.get('classlabels_strings')?.strings ?? [];
  const labels = texts.length > 0 ? texts : (node.attributes.get('classlabels_int64s')?.ints ?? []);
  const ensemble = ensembleOf(node, planner);
  if (!ensemble || labels.length < 2) return false;
  if (labels.length === 2 && new Set(ensemble.leaves.target).size === 1)
    return planOneScore(node, planner, ensemble, labels);
  const found = grow(node, planner, ensemble);
  const { base, transform } = ensemble;
  if (!found || (base.length > 0 && base.length !== labels.length)) return false;
  const sums = sumsOf(found, planner);
  const label = planner.new(1, 'label', { labels });
  let scores = sums;
  if (labels.length === 2) {
    // The second class decides; with base values onnxruntime makes its score of the first's, and the first's of it.
    let second = planner.step('pick', sums, planner.new(1, sums.type), {
      columns: [base.length > 0 ? 0 : 1],
    });
    if (base.length > 0) {
      second = plus(base.slice(1), second, planner);
      scores = planner.step('opposite', second, planner.new(2, second.type), {});
    }
    planner.set(node, planner.step('exceeds', second, label, { threshold: 0 }));
  } else {
    if (base.length > 0) scores = plus(base, sums, planner);
    planner.set(node, planner.step('argMax', scores, label, {}));
  }
  const result = transformed(scores, transform, planner);
  return result !== null && planner.set(node, result, 1);
}

/** Two classes of which one has weights: its score stands for both. */
function planOneScore(
  node: OnnxNode,
  planner: Planner,
  ensemble: Ensemble,
  labels: (string | number)[],
): boolean {
  const { leaves, base, transform } = ensemble;
  if (base.length > 1 || !oneWeightEach(ensemble)) return false;
  const target = leaves.target.map(() => 0);
  const found = grow(node, planner, { ...ensemble, targets: 1, leaves: { ...leaves, target } });
  if (!found) return false;
  let score = sumsOf(found, planner);
  if (base.length > 0) score = plus(base, score, planner);
  const arePositive = leaves.weight.every((weight) => weight >= 0);
  const threshold = arePositive ? 0.5 : 0;
  planner.set(node, planner.step('exceeds', score, planner.new(1, 'label', { labels }), { threshold }));
  const isLogistic = transform === 'LOGISTIC';
  const pair = arePositive && !isLogistic ? 'complement' : 'opposite';
  const scores = planner.step(pair, score, planner.new(2, score.type), {});
  const result = transformed(scores, isLogistic ? transform : 'NONE', planner);
  return result !== null && planner.set(node, result, 1);
}
