import type { Forest } from '../server/src/models/forest/forest.ts';
import { Rule } from '../server/src/models/forest/forest.ts';

/** A float32 forest of one group without categories as XGBoost saves a regression (reg:squarederror), in JSON. */
export function xgboostFile({
  features,
  roots,
  feature,
  threshold,
  rule,
  left,
  right,
  leaves,
  start,
}: Forest): string {
  const trees = Array.from(roots, (root, id) => {
    // Nodes and leaves are numbered level by level.
    const codes = [root];
    const parents = [2147483647];
    const [lefts, rights, indices, conditions, defaults]: number[][] = [[], [], [], [], []];
    for (let k = 0; k < codes.length; k++) {
      const code = codes[k]!;
      const isLeaf = code < 0;
      lefts!.push(isLeaf ? -1 : codes.length);
      rights!.push(isLeaf ? -1 : codes.length + 1);
      indices!.push(isLeaf ? 0 : feature[code]!);
      conditions!.push(isLeaf ? leaves[~code]! : threshold[code]!);
      defaults!.push(!isLeaf && (rule[code]! & Rule.defaultLeft) !== 0 ? 1 : 0);
      if (isLeaf) continue;
      codes.push(left[code]!, right[code]!);
      parents.push(k, k);
    }
    const zeros = codes.map(() => 0);
    return {
      base_weights: conditions,
      categories: [],
      categories_nodes: [],
      categories_segments: [],
      categories_sizes: [],
      default_left: defaults,
      id,
      left_children: lefts,
      loss_changes: zeros,
      parents,
      right_children: rights,
      split_conditions: conditions,
      split_indices: indices,
      split_type: zeros,
      sum_hessian: zeros,
      tree_param: {
        num_deleted: '0',
        num_feature: String(features),
        num_nodes: String(codes.length),
        size_leaf_vector: '1',
      },
    };
  });
  const each = Array.from({ length: features }, (_, k) => k);
  return JSON.stringify({
    learner: {
      attributes: {},
      feature_names: each.map((k) => `f${k}`),
      feature_types: each.map(() => 'float'),
      gradient_booster: {
        model: {
          cats: { enc: [], feature_segments: [], sorted_idx: [] },
          gbtree_model_param: { num_parallel_tree: '1', num_trees: String(trees.length) },
          iteration_indptr: Array.from({ length: trees.length + 1 }, (_, k) => k),
          tree_info: trees.map(() => 0),
          trees,
        },
        name: 'gbtree',
      },
      learner_model_param: {
        base_score: `[${start[0]}]`,
        boost_from_average: '1',
        num_class: '0',
        num_feature: String(features),
        num_target: '1',
      },
      objective: { name: 'reg:squarederror', reg_loss_param: { scale_pos_weight: '1' } },
    },
    version: [3, 2, 0],
  });
}
