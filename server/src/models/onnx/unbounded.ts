import type { OnnxGraph, OnnxNode } from './graph.ts';

/** Operators that repeat a body, or themselves, until the values say that it is enough. */
const loops = new Set(['Loop', 'BeamSearch', 'GreedySearch', 'Sampling', 'WhisperBeamSearch']);

/** Operators that make as much as the values of these inputs say. */
const sizedBy: Record<string, number[]> = {
  AffineGrid: [1],
  BlackmanWindow: [0],
  CenterCropPad: [1],
  Col2Im: [1, 2],
  ConstantOfShape: [0],
  DFT: [1],
  Expand: [1],
  HammingWindow: [0],
  HannWindow: [0],
  MaxUnpool: [2],
  MelWeightMatrix: [0, 1, 2],
  OneHot: [1],
  Pad: [1],
  Range: [0, 1, 2],
  Resize: [1, 2, 3],
  STFT: [1, 3],
  Tile: [1],
  Upsample: [1],
};

/**
 * The operator for which a row of any size may take as long, or as much memory, as it likes; null: there is none, and
 * a call's cost follows from its number of rows. Sizes that come of constants and of other tensors' shapes are as
 * bounded as those; what depends on a caller's values is not. Bodies of Scan and If are taken to depend on them.
 */
export function unboundedBy(graph: OnnxGraph): string | null {
  const constants = new Set(graph.initializers.map(({ name }) => name));
  const inputs = graph.inputs.map(({ name }) => name).filter((name) => !constants.has(name));
  return firstUnbounded(graph, new Set(inputs));
}

/** `ofValues`: names of tensors that depend on what a caller sends; those of this graph are added. */
function firstUnbounded(graph: OnnxGraph, ofValues: Set<string>): string | null {
  for (const node of graph.nodes) {
    const bodies = [...node.attributes.values()].flatMap(({ graphs }) => graphs);
    const isSized = (sizedBy[node.op] ?? []).some((input) => ofValues.has(node.inputs[input] ?? ''));
    if (loops.has(node.op) || isSized) return node.op;
    for (const body of bodies) {
      const within = new Set([...ofValues, ...body.inputs.map(({ name }) => name)]);
      const found = firstUnbounded(body, within);
      if (found !== null) return `${found} in ${node.op}`;
    }
    if (bodies.length > 0 || dependsOn(node, ofValues)) {
      for (const name of node.outputs) ofValues.add(name);
    }
  }
  return null;
}

/** A tensor's shape is known before its values are. */
function dependsOn({ op, inputs }: OnnxNode, ofValues: ReadonlySet<string>): boolean {
  return op !== 'Shape' && op !== 'Size' && inputs.some((name) => name !== '' && ofValues.has(name));
}
