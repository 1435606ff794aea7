import type { OnnxNode } from '../graph.ts';
import { floatInput, floats, forEach, int, string } from './attributes.ts';
import { type Transform, transforms } from './ensemble.ts';
import type { Planner, Value } from './planner.ts';

/** Scores by rows of coefficients, with an intercept each. */
function scoresOf(node: OnnxNode, planner: Planner, targets: number): Value | null {
  const x = floatInput(node, planner, true);
  const coefficients = floats(node, 'coefficients');
  const given = floats(node, 'intercepts');
  const intercepts = given.length === 0 ? [0] : given;
  if (!x || targets < 1 || coefficients.length !== targets * x.width || !forEach(intercepts, targets))
    return null;
  const bias = given.length === 0 ? null : planner.keep(forEach(intercepts, targets)!);
  return planner.step('linear', x, planner.new(targets, 'float'), { at: planner.keep(coefficients), bias });
}

export function planLinearRegressor(node: OnnxNode, planner: Planner): boolean {
  const scores = scoresOf(node, planner, int(node, 'targets', 1));
  if (!scores || string(node, 'post_transform', 'NONE') !== 'NONE') return false;
  return planner.set(node, scores);
}

/** Labels by the greatest score, or of one score by its sign; then `post_transform` over all scores (linearclassifier.cc). */
export function planLinearClassifier(node: OnnxNode, planner: Planner): boolean {
  const texts = node.attributes.get('classlabels_strings')?.strings ?? [];
  const labels = texts.length > 0 ? texts : (node.attributes.get('classlabels_ints')?.ints ?? []);
  const scores = scoresOf(node, planner, floats(node, 'intercepts').length);
  const by = string(node, 'post_transform', 'NONE') as Transform;
  if (!scores || !transforms.includes(by)) return false;
  const label = planner.new(1, 'label', { labels });
  if (scores.width === 1) {
    if (labels.length !== 2) return false;
    planner.set(node, planner.step('exceeds', scores, label, { threshold: 0 }));
    // Whatever the transform: one minus the score, and the score.
    return planner.set(node, planner.step('complement', scores, planner.new(2, 'float'), {}), 1);
  }
  if (labels.length !== scores.width) return false;
  planner.set(node, planner.step('argMax', scores, label, {}));
  const to = planner.new(scores.width, 'float');
  return planner.set(
    node,
    planner.step('transform', scores, to, { by: by === 'LOGISTIC' ? 'SIGMOID' : by }),
    1,
  );
}
