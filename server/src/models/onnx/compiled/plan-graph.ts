import { SlipwayError } from '../../../errors.ts';
import type { Signature } from '../../../signature.ts';
import type { OnnxGraph, OnnxNode } from '../graph.ts';
import { operators } from './operators.ts';
import { type Planned, Planner } from './planner.ts';

/**
 * Makes a plan of a graph whose every operator is on the list in operators.ts, in every detail that it uses; null for
 * all others, which onnxruntime runs. Pure.
 */
export function planGraph(
  graph: OnnxGraph,
  signature: Pick<Signature, 'features' | 'inputs' | 'outputs' | 'classes'>,
): Planned | null {
  try {
    return plan(graph, signature);
  } catch (error) {
    // Too wide, or forests too great: no fault of the file.
    if (error instanceof RangeError || error instanceof SlipwayError) return null;
    throw error;
  }
}

function plan(
  graph: OnnxGraph,
  { features, inputs, outputs, classes = [] }: Pick<Signature, 'features' | 'inputs' | 'outputs' | 'classes'>,
): Planned | null {
  const planner = new Planner(graph, features);
  if (!inputs.every((input) => planner.take(input))) return null;
  const nodes = neededFor(outputs, graph.nodes);
  const plans = nodes.map(({ op, domain }) => {
    const operator = Object.hasOwn(operators, op) ? operators[op]! : null;
    return operator?.domain === (domain === 'ai.onnx' ? '' : domain) ? operator.plan : null;
  });
  if (plans.includes(null)) return null;
  for (const [i, node] of nodes.entries()) if (!plans[i]!(node, planner)) return null;
  for (const spec of outputs) if (!planner.give(spec.name, spec.column, spec.width, classes)) return null;
  return planner.plan();
}

/** The nodes that outputs are made by: what else a graph has need not be known. */
function neededFor(outputs: { name: string }[], nodes: OnnxNode[]): OnnxNode[] {
  const needed = new Set(outputs.map(({ name }) => name));
  const kept = nodes.toReversed().filter((node) => {
    if (!node.outputs.some((name) => needed.has(name))) return false;
    for (const name of node.inputs) needed.add(name);
    return true;
  });
  return kept.toReversed();
}
