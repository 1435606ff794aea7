import { elements, numbersOf } from './constants.ts';
import type { OnnxGraph, OnnxNode, OnnxTensor } from './graph.ts';
import { outputTypes } from './node-types.ts';

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
 * Operators that end the process for the least whole number by -1: onnxruntime 1.30 leaves that to the processor, which
 * traps (SIGFPE on x64). By zero they fail as others do.
 */
const traps = new Set(['Div', 'Mod']);
const trapping: readonly number[] = [elements.int32, elements.int64];

/** What is known of the tensors of a graph, and of those around it, before it runs. */
interface Known {
  /** Names of those that depend on what a caller sends. */
  ofValues: Set<string>;
  /** Element types, where they are known. */
  types: Map<string, number>;
  constants: Map<string, OnnxTensor>;
}

/**
 * What a row of any size may do to all others in its process, in words; null: nothing, and a call's cost follows from
 * its number of rows. Sizes that come of constants and of other tensors' shapes are as bounded as those; what depends on
 * a caller's values is not. Bodies of Scan and If are taken to depend on them.
 */
export function hazardOf(graph: OnnxGraph): string | null {
  const constants = new Set(graph.initializers.map(({ name }) => name));
  const inputs = graph.inputs.map(({ name }) => name).filter((name) => !constants.has(name));
  return firstHazard(graph, { ofValues: new Set(inputs), types: new Map(), constants: new Map() });
}

/** To what is known, what this graph makes is added. */
function firstHazard(graph: OnnxGraph, known: Known): string | null {
  const { ofValues, types, constants } = known;
  for (const { name, type } of graph.inputs) types.set(name, type);
  for (const tensor of graph.initializers) {
    types.set(tensor.name, tensor.type);
    constants.set(tensor.name, tensor);
  }
  for (const node of graph.nodes) {
    const bodies = [...node.attributes.values()].flatMap(({ graphs }) => graphs);
    const isSized = (sizedBy[node.op] ?? []).some((input) => ofValues.has(node.inputs[input] ?? ''));
    if (loops.has(node.op) || isSized) return `its ${node.op} may take as long as a row makes it`;
    if (mayTrap(node, known)) return `its ${node.op} of whole numbers ends the process for some rows`;
    const within = bodies.map((body) => ({
      ofValues: new Set([...ofValues, ...body.inputs.map(({ name }) => name)]),
      types: new Map(types),
      constants: new Map(constants),
    }));
    for (const [i, body] of bodies.entries()) {
      const found = firstHazard(body, within[i]!);
      if (found !== null) return found;
    }
    const [constant] = node.op === 'Constant' ? (node.attributes.get('value')?.tensors ?? []) : [];
    if (constant) constants.set(node.outputs[0]!, constant);
    if (bodies.length > 0 || dependsOn(node, ofValues)) {
      for (const name of node.outputs) ofValues.add(name);
    }
    const made = bodies.length > 0 ? typesOf(bodies[0]!, within[0]!) : outputTypes(node, types);
    for (const [i, name] of node.outputs.entries()) {
      const type = made[i];
      if (type !== undefined) types.set(name, type);
    }
  }
  return null;
}

/** Of what a body gives to the node that it is of; of Scan and If they are the node's outputs, in order. */
function typesOf(body: OnnxGraph, { types }: Known): (number | undefined)[] {
  return body.outputs.map(({ name }) => types.get(name));
}

/** Whole numbers of 32 or 64 bits that depend on a caller, divided by what may be -1. */
function mayTrap({ op, inputs }: OnnxNode, { ofValues, types, constants }: Known): boolean {
  if (!traps.has(op) || !inputs.some((name) => ofValues.has(name))) return false;
  const [dividend = '', divisor = ''] = inputs;
  const type = types.get(divisor) ?? types.get(dividend);
  if (type === undefined || !trapping.includes(type)) return false;
  if (ofValues.has(divisor)) return true;
  const constant = constants.get(divisor);
  return constant !== undefined && (numbersOf(constant)?.includes(-1) ?? true);
}

/** A tensor's shape is known before its values are. */
function dependsOn({ op, inputs }: OnnxNode, ofValues: ReadonlySet<string>): boolean {
  return op !== 'Shape' && op !== 'Size' && inputs.some((name) => name !== '' && ofValues.has(name));
}
