import { SlipwayError } from '../../errors.ts';
import type { OnnxGraph, OnnxModel, OnnxTensor } from './graph.ts';
import { treeFault } from './trees.ts';

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
const mostElements = 2 ** 31;

/**
 * Refuses, in words, what a runtime would refuse in riddles, and what it would not refuse but should: other
 * files, sizes that lie, trees that read past their input or walk in circles. Throws FILE_*.
 */
export function checkModel(model: OnnxModel, file: string): void {
  const { irVersion, opsets, graph, functions } = model;
  if (irVersion > newestIr) {
    throw new SlipwayError(
      'FILE_UNSUPPORTED',
      `${file} has IR version ${irVersion}; this release takes up to ${newestIr}.`,
      exportOlder,
    );
  }
  if (functions.length > 0) {
    throw new SlipwayError(
      'FILE_UNSUPPORTED',
      `${file} defines operators of its own (${functions.slice(0, 5).join(', ')}), which this release does not take.`,
      'Inline them: onnx.inliner.inline_local_functions(model).',
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
}

const exportOlder = `Export it again with target_opset ${newestOpset} or lower.`;

function checkGraph(graph: OnnxGraph, file: string): void {
  for (const tensor of graph.initializers) checkTensor(tensor, file);
  for (const node of graph.nodes) {
    const fault = /^TreeEnsemble./.test(node.op) ? treeFault(node, graph) : null;
    if (fault !== null) throw new SlipwayError('FILE_BROKEN', `${file}: ${node.op}: ${fault}.`);
    for (const { tensors, graphs } of node.attributes.values()) {
      for (const tensor of tensors) checkTensor(tensor, file);
      for (const inner of graphs) checkGraph(inner, file);
    }
  }
}

function checkTensor(tensor: OnnxTensor, file: string): void {
  const { name, dims, type, rawBytes, typedBytes, external } = tensor;
  const broken = (message: string): never => {
    throw new SlipwayError('FILE_BROKEN', `${file}: tensor "${name}" ${message}.`);
  };
  if (external) {
    throw new SlipwayError(
      'FILE_UNSAFE',
      `${file} keeps the tensor "${name}" in another file, which Slipway does not open.`,
      'Save it as one file: onnx.save(model, path, save_as_external_data=False).',
    );
  }
  let elements = 1;
  for (const dim of dims) {
    if (dim < 0) broken('has a negative dimension');
    elements *= dim;
    if (elements > mostElements) broken(`says it has more than ${mostElements} values`);
  }
  const size = elementBytes[type];
  if (rawBytes !== null && size && rawBytes !== elements * size)
    broken(`says it has ${elements} values, but holds ${rawBytes} bytes`);
  // Two four-bit numbers may share a byte.
  if (rawBytes === null && elements > 2 * typedBytes)
    broken(`says it has ${elements} values, but holds ${typedBytes} bytes`);
}
