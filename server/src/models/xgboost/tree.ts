import type { Document, Words } from './document.ts';

/** One tree as the file has it: every child, set and leaf row that the walk from the root can meet exists. */
export interface XgboostTree {
  /** Nodes and leaves in the order of a walk from the root, which is the first. */
  places: Int32Array;
  left: Float64Array;
  right: Float64Array;
  feature: Float64Array;
  /** Where a node splits. */
  condition: Float64Array;
  defaultLeft: Float64Array;
  /** What each split gained in training; null if the file does not say. */
  gain: Float64Array | null;
  /** Of each categorical node: its codes. */
  sets: Map<number, Float64Array>;
  /** Values of a leaf: 1, or one a target. */
  targets: number;
  /** Rows of `targets` values. */
  leafValues: Float64Array;
  /** Each leaf's row in them; null: its own place. */
  leafRow: Float64Array | null;
}

const perNode = ['left_children', 'right_children', 'split_indices', 'split_conditions', 'default_left'];
const sometimes = ['split_type', 'loss_changes'];
const wanted = new Set([
  ...perNode,
  ...sometimes,
  'categories',
  'categories_nodes',
  'categories_segments',
  'categories_sizes',
  'leaf_weights',
  'base_weights',
]);

/** Codes from here on XGBoost takes for invalid (`OutOfRangeCat` in its categorical.h). */
const mostCodes = 2 ** 24;

/** Reads the tree that comes next (XGBoost's `RegTree::LoadModel` and `MultiTargetTree::LoadModel`). */
export function readTree(document: Document): XgboostTree {
  const lists = new Map<string, Float64Array>();
  let param: Words = new Map();
  document.object((key) => {
    if (key === 'tree_param') param = document.words();
    else if (wanted.has(key)) lists.set(key, document.numbers());
  });
  const list = (key: string): Float64Array => lists.get(key) ?? document.fail(`${key} is missing`);
  const count = (key: string, otherwise: string): number => {
    const word = param.get(key) ?? otherwise;
    return /^\d{1,10}$/.test(word)
      ? Number(word)
      : document.fail(`${key} “${word.slice(0, 40)}” is no count`);
  };
  const nodes = count('num_nodes', '');
  for (const key of [...perNode, ...sometimes.filter((one) => lists.has(one))]) {
    const { length } = list(key);
    if (length !== nodes) document.fail(`${key} has ${length} entries, but num_nodes is ${nodes}`);
  }
  const targets = Math.max(1, count('size_leaf_vector', '1'));
  const left = list('left_children');
  const right = list('right_children');
  // XGBoost 2 kept the values of vector leaves in base_weights, a row a place.
  const isMapped = targets > 1 && lists.has('leaf_weights');
  const leafValues = list(targets === 1 ? 'split_conditions' : isMapped ? 'leaf_weights' : 'base_weights');
  const rows = Math.floor(leafValues.length / targets);
  if (!isMapped && rows !== nodes) document.fail(`has ${leafValues.length} leaf values for ${nodes} nodes`);
  const places = walk(document, left, right, isMapped ? rows : null);
  if (places.length + count('num_deleted', '0') !== nodes) {
    document.fail(`${places.length} of ${nodes} nodes are reached from the root`);
  }
  const tree = {
    places,
    left,
    right,
    feature: list('split_indices'),
    condition: list('split_conditions'),
    defaultLeft: list('default_left'),
    gain: lists.get('loss_changes') ?? null,
    sets: readSets(document, lists),
    targets,
    leafValues,
    leafRow: isMapped ? right : null,
  };
  checkNodes(document, tree, lists.get('split_type'));
  return tree;
}

/** Every place that is reached, each once: so what is walked is a tree. */
function walk(document: Document, left: Float64Array, right: Float64Array, rows: number | null): Int32Array {
  const places = new Int32Array(left.length);
  const reached = new Uint8Array(left.length);
  let found = 1;
  reached[0] = 1;
  if (left.length === 0) document.fail('there is no node');
  const enter = (node: number, child: number): void => {
    if (!(Number.isInteger(child) && child > 0 && child < left.length)) {
      document.fail(`node ${node} has the child ${child}, which it cannot have`);
    }
    if (reached[child] === 1) document.fail(`node ${node} leads to ${child}, which is reached twice`);
    reached[child] = 1;
    places[found++] = child;
  };
  for (let k = 0; k < found; k++) {
    const node = places[k]!;
    if (left[node] !== -1) {
      enter(node, left[node]!);
      enter(node, right[node]!);
      continue;
    }
    // A vector leaf keeps its row of `leaf_weights` where others have their right child.
    const isLeaf =
      rows === null
        ? right[node] === -1
        : Number.isInteger(right[node]) && right[node]! >= 0 && right[node]! < rows;
    if (!isLeaf)
      document.fail(rows === null ? `node ${node} has one child` : `leaf ${node} has no row of values`);
  }
  return places.subarray(0, found);
}

function readSets(document: Document, lists: Map<string, Float64Array>): Map<number, Float64Array> {
  const none = new Float64Array();
  const nodes = lists.get('categories_nodes') ?? none;
  const segments = lists.get('categories_segments') ?? none;
  const sizes = lists.get('categories_sizes') ?? none;
  const codes = lists.get('categories') ?? none;
  if (segments.length !== nodes.length || sizes.length !== nodes.length) {
    document.fail('categories_nodes, categories_segments and categories_sizes have different lengths');
  }
  const sets = new Map<number, Float64Array>();
  let end = 0;
  for (let k = 0; k < nodes.length; k++) {
    const size = sizes[k]!;
    if (segments[k] !== end || !Number.isInteger(size) || size < 1 || end + size > codes.length) {
      document.fail(`the categories of node ${nodes[k]} are not in the list of ${codes.length}`);
    }
    sets.set(nodes[k]!, codes.subarray(end, end + size));
    end += size;
  }
  for (const code of codes) {
    if (!(Number.isInteger(code) && code >= 0 && code < mostCodes)) {
      document.fail(`category ${code} is not between 0 and ${mostCodes - 1}`);
    }
  }
  return sets;
}

function checkNodes(document: Document, tree: XgboostTree, types: Float64Array | undefined): void {
  for (const node of tree.places) {
    if (tree.left[node] === -1) {
      const row = tree.leafRow?.[node] ?? node;
      for (const value of tree.leafValues.subarray(row * tree.targets, (row + 1) * tree.targets)) {
        if (!isSingle(value))
          document.fail(`leaf ${node} has the value ${value}, which is no finite float32`);
      }
      continue;
    }
    const type = types?.[node] ?? 0;
    if (type !== 0 && type !== 1) document.fail(`node ${node} has the split type ${type}`);
    if ((type === 1) !== tree.sets.has(node)) {
      document.fail(`node ${node} is categorical or has categories, but not both`);
    }
    const condition = tree.condition[node]!;
    // What stands in a categorical node's place means nothing; XGBoost 1.7 and 2 wrote NaN.
    if (type === 0 && !isSingle(condition)) {
      document.fail(`node ${node} splits at ${condition}, which is no finite float32`);
    }
    const feature = tree.feature[node]!;
    if (!(Number.isInteger(feature) && feature >= 0)) {
      document.fail(`node ${node} splits on feature ${feature}`);
    }
    const side = tree.defaultLeft[node];
    if (side !== 0 && side !== 1) document.fail(`node ${node} has the default_left ${side}`);
  }
}

const isSingle = (value: number): boolean => Number.isFinite(Math.fround(value));
