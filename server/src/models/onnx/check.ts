import { SlipwayError } from '../../errors.ts';
import type { OnnxGraph, OnnxModel, OnnxNode, OnnxTensor } from './graph.ts';

/** What onnxruntime-node 1.30 takes. */
const newestIr = 13;
const newestOpset = 26;
const domains = [
  '',
  'ai.onnx',
  'ai.onnx.ml',
  'com.microsoft',
  'com.microsoft.nchwc',
  'ai.onnx.training',
  'ai.onnx.preview.training',
];

/** Bytes of one element, by ONNX's type numbers; 0: strings and types that have no fixed size. */
const elementBytes: Record<number, number> = {
  1: 4,
  2: 1,
  3: 1,
  4: 2,
  5: 2,
  6: 4,
  7: 8,
  9: 1,
  10: 2,
  11: 8,
  12: 4,
  13: 8,
  14: 8,
  15: 16,
  16: 2,
};
const mostElements = 2n ** 31n;

/**
 * Refuses, in words, what a runtime would refuse in riddles, and what it would not refuse but should: other
 * files, sizes that lie, trees that read past their input or walk in circles. Throws FILE_*.
 */
export function checkModel(model: OnnxModel, file: string): void {
  const { irVersion, opsets, graph } = model;
  if (irVersion > newestIr) {
    throw new SlipwayError(
      'FILE_UNSUPPORTED',
      `${file} has IR version ${irVersion}; this release takes up to ${newestIr}.`,
      exportOlder,
    );
  }
  for (const { domain, version } of opsets) {
    if (!domains.includes(domain)) {
      throw new SlipwayError(
        'FILE_UNSUPPORTED',
        `${file} uses operators of the domain "${domain}", which are in no standard runtime.`,
        'Export it with standard operators only.',
      );
    }
    if ((domain === '' || domain === 'ai.onnx') && version > newestOpset) {
      throw new SlipwayError(
        'FILE_UNSUPPORTED',
        `${file} has opset ${version}; this release takes up to ${newestOpset}.`,
        exportOlder,
      );
    }
  }
  checkGraph(graph, file);
  for (const node of graph.nodes) if (node.op.startsWith('TreeEnsemble')) checkTrees(node, graph, file);
}

const exportOlder = `Export it again with target_opset ${newestOpset} or lower.`;

function checkGraph(graph: OnnxGraph, file: string): void {
  for (const tensor of graph.initializers) checkTensor(tensor, file);
  for (const node of graph.nodes) {
    for (const { tensors, graphs } of node.attributes.values()) {
      for (const tensor of tensors) checkTensor(tensor, file);
      for (const inner of graphs) checkGraph(inner, file);
    }
  }
}

function checkTensor({ name, dims, type, rawBytes, external }: OnnxTensor, file: string): void {
  if (external) {
    throw new SlipwayError(
      'FILE_UNSAFE',
      `${file} keeps the tensor "${name}" in another file, which Slipway does not open.`,
      'Save it as one file: onnx.save(model, path, save_as_external_data=False).',
    );
  }
  let elements = 1n;
  for (const dim of dims) {
    if (dim < 0n)
      throw new SlipwayError('FILE_BROKEN', `${file}: tensor "${name}" has a negative dimension.`);
    elements *= dim;
    if (elements > mostElements)
      throw new SlipwayError(
        'FILE_BROKEN',
        `${file}: tensor "${name}" says it has more than ${mostElements} values.`,
      );
  }
  const size = elementBytes[type];
  if (rawBytes !== null && size && BigInt(rawBytes) !== elements * BigInt(size)) {
    throw new SlipwayError(
      'FILE_BROKEN',
      `${file}: tensor "${name}" says it has ${elements} values, but holds ${rawBytes} bytes.`,
    );
  }
}

/** Every child exists and has one parent, and no tree reads a feature beyond the input. */
function checkTrees(node: OnnxNode, graph: OnnxGraph, file: string): void {
  const ints = (name: string) => (node.attributes.get(name)?.ints ?? []).map(Number);
  const [trees, ids, yes, no, features] = [
    'treeids',
    'nodeids',
    'truenodeids',
    'falsenodeids',
    'featureids',
  ].map((name) => ints(`nodes_${name}`)) as [number[], number[], number[], number[], number[]];
  const modes = node.attributes.get('nodes_modes')?.strings ?? [];
  const broken = (message: string): never => {
    throw new SlipwayError('FILE_BROKEN', `${file}: ${node.op}: ${message}.`);
  };
  if ([ids, yes, no, features, modes].some((list) => list.length !== trees.length)) {
    // The newer form (TreeEnsemble of ai.onnx.ml 5) has other attributes; the runtime checks it.
    if (trees.length > 0) broken('its lists of nodes have different lengths');
    return;
  }
  const input = graph.inputs.find((one) => one.name === node.inputs[0]);
  const width = input?.dims?.at(-1) ?? -1;
  const known = new Set(trees.map((tree, i) => `${tree}/${ids[i]}`));
  const parents = new Set<string>();
  for (const [i, tree] of trees.entries()) {
    if (modes[i] === 'LEAF') continue;
    if (features[i]! < 0 || (width > 0 && features[i]! >= width))
      broken(`it reads feature ${features[i]} of ${width}`);
    for (const child of [`${tree}/${yes[i]}`, `${tree}/${no[i]}`]) {
      if (!known.has(child)) broken(`tree ${tree} leads to a node that is not there`);
      if (parents.has(child))
        broken(`two ways lead to node ${child} of tree ${tree}: the tree walks in circles`);
      parents.add(child);
    }
  }
  for (const tree of new Set(trees)) {
    const rootAt = trees.indexOf(tree);
    if (parents.has(`${tree}/${ids[rootAt]}`)) broken(`tree ${tree} leads back to its root`);
  }
}
