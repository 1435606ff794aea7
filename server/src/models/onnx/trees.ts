import { type Ensemble, readTrees } from './compiled/ensemble.ts';
import type { OnnxGraph, OnnxNode } from './graph.ts';

/** Nodes whose output is as wide as their first input. */
const sameWidth = ['Identity', 'Cast', 'Scaler', 'Imputer', 'Normalizer', 'Binarizer'];

/**
 * Why the trees of a TreeEnsembleClassifier or -Regressor cannot be walked, in words; null if they can: every
 * child exists, no tree walks in circles, and no node reads a feature beyond the input, where the graph says how
 * wide that is. Field names: ai.onnx.ml's operator schemas.
 * The newer TreeEnsemble (ai.onnx.ml 5) is checked by onnxruntime 1.30 itself: children, leaves, roots and
 * circles when it loads, features when it runs.
 */
export function treeFault(node: OnnxNode, graph: OnnxGraph): string | null {
  const ints = (name: string): number[] => node.attributes.get(`nodes_${name}`)?.ints ?? [];
  const trees = ints('treeids');
  const ids = ints('nodeids');
  const children = [ints('truenodeids'), ints('falsenodeids')];
  const features = ints('featureids');
  const modes = node.attributes.get('nodes_modes')?.strings ?? [];
  const lists = [ids, ...children, features, modes];
  if (lists.some((list) => list.length !== trees.length)) return 'its lists of nodes have different lengths';
  const width = widthOf(node.inputs[0], graph);
  const indexOf = new Map<number, Map<number, number>>();
  for (const [i, tree] of trees.entries()) {
    let nodes = indexOf.get(tree);
    if (!nodes) {
      nodes = new Map();
      indexOf.set(tree, nodes);
    }
    if (nodes.has(ids[i]!)) return `tree ${tree} has two nodes ${ids[i]}`;
    nodes.set(ids[i]!, i);
  }
  const parents = new Uint32Array(trees.length);
  const childrenOf = (i: number): number[] =>
    modes[i] === 'LEAF' ? [] : children.map((list) => indexOf.get(trees[i]!)!.get(list[i]!) ?? -1);
  for (const [i, tree] of trees.entries()) {
    if (modes[i] === 'LEAF') continue;
    if (features[i]! < 0 || (width !== null && features[i]! >= width))
      return `it reads feature ${features[i]} of ${width ?? 'its input'}`;
    for (const child of childrenOf(i)) {
      if (child < 0) return `tree ${tree} leads to a node that is not there`;
      parents[child]!++;
    }
  }
  // Branches may meet: LightGBM's sets are written as a chain of equalities with one child. Whoever is met only after
  // all its parents walks in no circle.
  const open = [...trees.keys()].filter((i) => parents[i] === 0);
  let met = 0;
  for (; met < open.length; met++)
    for (const child of childrenOf(open[met]!)) if (--parents[child]! === 0) open.push(child);
  return met === trees.length
    ? null
    : `tree ${trees[parents.findIndex((left) => left > 0)]} walks in circles`;
}

/** How many columns a value has, followed back to an input of the graph; null where that cannot be read. */
function widthOf(name: string | undefined, graph: OnnxGraph): number | null {
  let value = name;
  for (let steps = 0; steps <= graph.nodes.length; steps++) {
    const input = graph.inputs.find((one) => one.name === value);
    if (input) {
      const width = input.dims?.at(-1) ?? -1;
      return width > 0 ? width : null;
    }
    const maker = graph.nodes.find((node) => value !== undefined && node.outputs.includes(value));
    if (!maker || !sameWidth.includes(maker.op)) return null;
    value = maker.inputs[0];
  }
  return null;
}

/** How many trees there are in a graph that has no fault, with their leaves and edges from a root to its farthest leaf. */
export function treeFacts(nodes: OnnxNode[]): { trees?: number; leaves?: number; maxDepth?: number } {
  const ensembles = nodes.filter(({ op }) => /^TreeEnsemble/.test(op)).map(readTrees);
  const read = ensembles.filter((one) => one !== null);
  if (read.length === 0 || read.length < ensembles.length) return {};
  return {
    trees: read.reduce((sum, { roots }) => sum + roots.length, 0),
    leaves: read.reduce((sum, { leaves }) => sum + leaves.start.length - 1, 0),
    maxDepth: read.reduce((most, one) => Math.max(most, depthOf(one)), 0),
  };
}

/** Branches may meet, so each node is passed once, behind all its parents. */
function depthOf({ roots, yes, no }: Ensemble): number {
  const parents = new Uint32Array(yes.length);
  for (const child of [...yes, ...no]) if (child >= 0) parents[child]!++;
  const levels = new Uint32Array(yes.length);
  const open = roots.filter((root) => root >= 0);
  let deepest = 0;
  for (let node = open.pop(); node !== undefined; node = open.pop()) {
    const below = levels[node]! + 1;
    deepest = Math.max(deepest, below);
    for (const child of [yes[node]!, no[node]!]) {
      if (child < 0) continue;
      levels[child] = Math.max(levels[child]!, below);
      if (--parents[child]! === 0) open.push(child);
    }
  }
  return deepest;
}
