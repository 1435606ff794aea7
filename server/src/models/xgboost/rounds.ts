import type { Document } from './document.ts';
import type { Learner } from './learner.ts';

/** Which part of the boosting rounds is served. */
export interface Rounds {
  /** In the file. */
  all: number;
  served: number;
  /** 0-based, as XGBoost counts; null: training was not stopped early. */
  best: number | null;
  /** Trees of the rounds that are served. */
  trees: number;
}

/**
 * Checks that trees, rounds and groups fit together, and says what is served. A model that was stopped early keeps
 * the rounds after its best one in the file. XGBClassifier and XGBRegressor answer with the rounds up to the best
 * one, and so does Slipway (`best`); Booster.predict answers with `all` unless it is told otherwise.
 */
export function roundsOf(
  learner: Learner,
  groups: number,
  serve: 'best' | 'all',
  document: Document,
): Rounds {
  const { booster, attributes } = learner;
  const fail = (key: string, why: string): never =>
    document.broken(`learner.gradient_booster.model.${key}`, why);
  if (booster.trees === null) return fail('trees', 'is missing');
  const { count, targets } = booster.trees;
  const stated = booster.param.get('num_trees');
  if (stated !== String(count))
    fail('gbtree_model_param.num_trees', `is ${stated}, but the file holds ${count} trees`);
  checkGroups(booster.treeInfo, targets, groups, fail);

  const start =
    booster.roundStart ?? evenRounds(count, Number(booster.param.get('num_parallel_tree') ?? 1), groups);
  const rises = start.every(
    (trees, round) => Number.isInteger(trees) && trees >= (round === 0 ? 0 : start[round - 1]!),
  );
  if (!rises || start[0] !== 0 || start.at(-1) !== count)
    fail('iteration_indptr', `does not rise from 0 to ${count}`);
  const all = start.length - 1;
  const best = bestIteration(attributes.get('best_iteration'), document);
  // A model that was cut after training keeps the note of a round that it may not have any more.
  const served = best === null || serve === 'all' ? all : Math.min(all, best + 1);
  return { all, served, best, trees: start[served]! };
}

function checkGroups(
  info: Float64Array,
  targets: number[],
  groups: number,
  fail: (key: string, why: string) => never,
): void {
  if (info.length !== targets.length)
    fail('tree_info', `has ${info.length} entries for ${targets.length} trees`);
  const has = new Uint8Array(groups);
  targets.forEach((width, tree) => {
    if (width !== 1 && width !== groups)
      fail('trees', `tree ${tree} has ${width} values a leaf for ${groups} outputs`);
    const group = info[tree]!;
    if (!(Number.isInteger(group) && group >= 0 && group < groups)) {
      fail('tree_info', `tree ${tree} belongs to output ${group} of ${groups}`);
    }
    if (width > 1) has.fill(1);
    has[group] = 1;
  });
  if (targets.length > 0 && has.includes(0))
    fail('tree_info', `there are ${groups} outputs, but none for output ${has.indexOf(0)}`);
}

/** As XGBoost's `MakeIndptr` has it for files without `iteration_indptr`. */
function evenRounds(count: number, parallel: number, groups: number): Float64Array {
  const each = Math.max(1, parallel * groups);
  return Float64Array.from({ length: Math.floor(count / each) + 1 }, (_, round) => round * each);
}

function bestIteration(word: string | undefined, document: Document): number | null {
  if (word === undefined) return null;
  // -1: there was no round.
  if (/^(\d{1,9}|-1)$/.test(word)) return Number(word);
  return document.broken('learner.attributes.best_iteration', `“${word.slice(0, 40)}” is no round`);
}
