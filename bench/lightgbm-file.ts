import { normal, seeded } from '../server/test/models/forest/random-forest.ts';

/** A LightGBM regression as `Booster.save_model` writes it, with every field: uneven trees, each grown leaf by leaf. */
export function lightgbmFile(trees: number, leaves: number, features: number): string {
  const random = seeded(3);
  const blocks = Array.from({ length: trees }, (_, tree) => treeText(tree, leaves, features, random));
  const names = Array.from({ length: features }, (_, k) => `Column_${k}`);
  return `${[
    'tree',
    'version=v4',
    'num_class=1',
    'num_tree_per_iteration=1',
    'label_index=0',
    `max_feature_idx=${features - 1}`,
    'objective=regression',
    `feature_names=${names.join(' ')}`,
    `feature_infos=${names.map(() => '[-4:4]').join(' ')}`,
    `tree_sizes=${blocks.map((block) => block.length).join(' ')}`,
    '',
  ].join(
    '\n',
  )}\n${blocks.join('')}end of trees\n\nfeature_importances:\n\nparameters:\n[boosting: gbdt]\nend of parameters\n\npandas_categorical:null\n`;
}

function treeText(tree: number, leaves: number, features: number, random: () => number): string {
  const nodes = leaves - 1;
  const left = new Array<number>(nodes);
  const right = new Array<number>(nodes);
  // Whose child each leaf is; node k splits one of the leaves there are, which stays its left one.
  const above: ([number[], number] | null)[] = [null];
  for (let node = 0; node < nodes; node++) {
    const split = Math.floor(random() * above.length);
    const place = above[split];
    if (place) place[0][place[1]] = node;
    left[node] = ~split;
    right[node] = ~above.length;
    above[split] = [left, node];
    above.push([right, node]);
  }
  const each = (count: number, value: (k: number) => number): string =>
    Array.from({ length: count }, (_, k) => value(k)).join(' ');
  return `${[
    `Tree=${tree}`,
    `num_leaves=${leaves}`,
    'num_cat=0',
    `split_feature=${each(nodes, () => Math.floor(random() * features))}`,
    `split_gain=${each(nodes, () => Math.fround(random() * 100))}`,
    `threshold=${each(nodes, () => normal(random))}`,
    `decision_type=${each(nodes, () => 2)}`,
    `left_child=${left.join(' ')}`,
    `right_child=${right.join(' ')}`,
    `leaf_value=${each(leaves, () => normal(random) / 100)}`,
    `leaf_weight=${each(leaves, () => 20 + Math.floor(random() * 100))}`,
    `leaf_count=${each(leaves, () => 20 + Math.floor(random() * 100))}`,
    `internal_value=${each(nodes, () => normal(random) / 100)}`,
    `internal_weight=${each(nodes, () => 100 + Math.floor(random() * 1000))}`,
    `internal_count=${each(nodes, () => 100 + Math.floor(random() * 1000))}`,
    'is_linear=0',
    'shrinkage=0.1',
    '',
    '',
  ].join('\n')}\n`;
}
