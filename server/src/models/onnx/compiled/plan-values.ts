import { elements } from '../constants.ts';
import type { OnnxNode } from '../graph.ts';
import { int, same } from './attributes.ts';
import type { Planner, Value } from './planner.ts';

export function planSame(node: OnnxNode, planner: Planner): boolean {
  const x = planner.input(node);
  return x !== null && planner.set(node, x);
}

export function planConstant(node: OnnxNode, planner: Planner): boolean {
  const tensor = node.attributes.get('value')?.tensors[0];
  if (!tensor || !node.outputs[0]) return false;
  planner.addConstant(node.outputs[0], tensor);
  return true;
}

/** Between numbers of all kinds; labels that are numbers stay labels. */
export function planCast(node: OnnxNode, planner: Planner): boolean {
  const x = planner.input(node);
  const cast = x && castTo(x, int(node, 'to', 0), planner);
  return cast !== null && planner.set(node, cast);
}

function castTo(x: Value, to: number, planner: Planner): Value | null {
  if (x.type === 'text') return null;
  const made = (op: 'round' | 'truncate' | 'truncateTo32' | 'isTrue', type: Value['type']): Value =>
    planner.step(op, x, planner.new(x.dims, type, same(x)), {});
  if (x.labels) {
    if (!x.labels.every((label) => Number.isInteger(label) && Math.fround(Number(label)) === label))
      return null;
    if (to === elements.float) return { ...x, type: 'float' };
    if (to === elements.double) return { ...x, type: 'double' };
    return to === elements.int32 || to === elements.int64 ? { ...x, type: 'label' } : null;
  }
  if (to === elements.float) {
    if (x.type === 'float' || x.type === 'boolean') return { ...x, type: 'float' };
    return made('round', 'float');
  }
  // Every float32 is a double; so is a whole number as steps hold it.
  if (to === elements.double) return { ...x, type: 'double' };
  if (to === elements.int64) {
    if (x.type === 'integer' || x.type === 'boolean') return { ...x, type: 'integer' };
    return made('truncate', 'integer');
  }
  if (to === elements.int32 && x.type === 'float') return made('truncateTo32', 'integer');
  if (to === elements.boolean) return x.type === 'boolean' ? x : made('isTrue', 'boolean');
  return null;
}
