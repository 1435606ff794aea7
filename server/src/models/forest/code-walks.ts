import type { Code, Local, WasmFunction } from '../../wasm.ts';
import {
  call,
  f64,
  give,
  i32,
  loopWhile,
  repeatWhile,
  select,
  step,
  wasmFunction,
  when,
} from '../../wasm.ts';
import { nearZero } from './forest.ts';
import type { WalkTables } from './walk-tables.ts';
import {
  blockRecord,
  groupRecord,
  lanes,
  linearRecord,
  slotFields,
  termRecord,
  treeRecord,
} from './walk-tables.ts';

/** What the walks need to know of the memory and the forest. */
export interface Walking extends WalkTables {
  answers: number;
  answersStride: number;
  xStride: number;
  outStride: number;
  sum: 'float64' | 'float32';
  /** Indices of functions: `leaf` (or `addVector`, where leaves are vectors), and `begin`, which those have besides. */
  leafFunction: number;
  beginFunction: number;
}

/** One level down: to the left child's slot, or by the split's answer (a slot's length) to the right one's. No branch. */
const descend = (walking: Walking, slot: Local, lane: number): Code => {
  const answer = i32.load(slot, walking.slots + slotFields.answer);
  const left = i32.load(slot, walking.slots + slotFields.left);
  return slot.set(i32.add(left, i32.load8(answer, walking.answers + lane * walking.answersStride)));
};

const addLeaf = (walking: Walking, sum: Local, slot: Local, x: Code): Code => {
  const value =
    walking.linear === null ? f64.load(slot, walking.values) : call(walking.leafFunction, slot, x);
  return sum.set(walking.sum === 'float32' ? f64.round32(f64.add(sum, value)) : f64.add(sum, value));
};

/** Adds a vector leaf to a row's sums, which stand at `out`. */
const addVector = ({ vectors, leafFunction }: Walking, out: Code, slot: Local): Code =>
  call(leafFunction, out, i32.load(i32.shiftRight(slot, i32.const(1)), vectors!.leaves));

/** `walkRow(x, out)`: the sums of one row, its answers in lane 0; trees are walked `lanes` at a time, to the deepest one's depth. */
export function walkRowFunction(walking: Walking): WasmFunction {
  return wasmFunction('walkRow', ['i32', 'i32'], [], (locals, x, out) => {
    const group = locals.new('i32');
    const block = locals.new('i32');
    const levels = locals.new('i32');
    const sum = locals.new('f64');
    const slots = Array.from({ length: lanes }, () => locals.new('i32'));
    return [
      group.set(i32.const(walking.groups)),
      repeatWhile(
        [
          walking.vectors ? call(walking.beginFunction, out!) : sum.set(f64.load(group, groupRecord.start)),
          block.set(i32.load(group, groupRecord.blocks)),
          repeatWhile(
            [
              levels.set(i32.load(block, blockRecord.levels)),
              slots.map((slot, lane) => slot.set(i32.load(block, blockRecord.roots + 4 * lane))),
              repeatWhile([slots.map((slot) => descend(walking, slot, 0)), step(levels, -1)], levels),
              slots.map((slot) =>
                walking.vectors ? addVector(walking, out!, slot) : addLeaf(walking, sum, slot, x!),
              ),
              step(block, blockRecord.bytes),
            ],
            i32.less(block, i32.load(group, groupRecord.blocksEnd)),
          ),
          walking.vectors ? [] : f64.store(out!, sum),
          step(out!, 8),
          step(group, groupRecord.bytes),
        ],
        i32.less(group, i32.const(walking.groupsEnd)),
      ),
    ];
  });
}

/** `walkRows(x, out)`: the sums of `lanes` rows, each with its answers in a lane; all walk down one tree after another. */
export function walkRowsFunction(walking: Walking): WasmFunction {
  return wasmFunction('walkRows', ['i32', 'i32'], [], (locals, x, out) => {
    const group = locals.new('i32');
    const tree = locals.new('i32');
    const levels = locals.new('i32');
    const slots = Array.from({ length: lanes }, () => locals.new('i32'));
    const sums = Array.from({ length: lanes }, () => locals.new('f64'));
    const outOf = (lane: number): Code => i32.add(out!, i32.const(lane * walking.outStride));
    return [
      group.set(i32.const(walking.groups)),
      repeatWhile(
        [
          sums.map((sum, lane) =>
            walking.vectors
              ? call(walking.beginFunction, outOf(lane))
              : sum.set(f64.load(group, groupRecord.start)),
          ),
          tree.set(i32.load(group, groupRecord.trees)),
          loopWhile(i32.less(tree, i32.load(group, groupRecord.treesEnd)), [
            levels.set(i32.load(tree, treeRecord.levels)),
            slots.map((slot) => slot.set(i32.load(tree, treeRecord.root))),
            repeatWhile([slots.map((slot, lane) => descend(walking, slot, lane)), step(levels, -1)], levels),
            sums.map((sum, lane) =>
              walking.vectors
                ? addVector(walking, outOf(lane), slots[lane]!)
                : addLeaf(walking, sum, slots[lane]!, i32.add(x!, i32.const(lane * walking.xStride))),
            ),
            step(tree, treeRecord.bytes),
          ]),
          walking.vectors ? [] : sums.map((sum, lane) => f64.store(out!, sum, lane * walking.outStride)),
          step(out!, 8),
          step(group, groupRecord.bytes),
        ],
        i32.less(group, i32.const(walking.groupsEnd)),
      ),
    ];
  });
}

/** `leaf(slot, x)`: the value of a leaf that may be a linear model of the row at x. */
export function leafFunction(walking: Walking): WasmFunction {
  return wasmFunction('leaf', ['i32', 'i32'], ['f64'], (locals, slot, x) => {
    const term = locals.new('i32');
    const end = locals.new('i32');
    const value = locals.new('f64');
    const sum = locals.new('f64');
    const plain = f64.load(slot!, walking.values);
    if (walking.linear === null) return plain;
    const product = f64.mul(
      f64.load(term, linearRecord.bytes + termRecord.coefficient),
      select(value, f64.const(0), f64.greater(f64.abs(value), f64.const(nearZero))),
    );
    return [
      term.set(i32.load(i32.shiftRight(slot!, i32.const(1)), walking.linear)),
      when(i32.isZero(term), give(plain)),
      sum.set(f64.load(term, linearRecord.constant)),
      end.set(i32.add(term, i32.load(term, linearRecord.size))),
      loopWhile(i32.less(term, end), [
        value.set(f64.load(i32.add(x!, i32.load(term, linearRecord.bytes + termRecord.x)))),
        when(f64.notEqual(value, value), give(plain)),
        sum.set(f64.add(sum, product)),
        step(term, termRecord.bytes),
      ]),
      sum,
    ];
  });
}
