import type { Forest } from './forest.ts';
import { treeDepths } from './forest.ts';
import type { Image } from './image.ts';

/** How many trees of one row, or rows of one tree, are walked side by side, so that their loads overlap. */
export const lanes = 10;
/** A slot is a node or leaf: index of its split's answer, offset of its left child's slot (the right child's follows). */
export const slotFields = { bytes: 8, answer: 0, left: 4 };

/** blocks and trees from, to; f64 what the sum begins with. */
export const groupRecord = { bytes: 24, blocks: 0, blocksEnd: 4, trees: 8, treesEnd: 12, start: 16 };
/** Levels to walk, then the roots' slots of `lanes` trees. */
export const blockRecord = { bytes: 4 + 4 * lanes, levels: 0, roots: 4 };
export const treeRecord = { bytes: 8, levels: 0, root: 4 };
/** Bytes of the terms; f64 constant; then the terms: u32 x, f64 coefficient. */
export const linearRecord = { bytes: 16, size: 0, constant: 8 };
export const termRecord = { bytes: 16, x: 0, coefficient: 8 };

export interface WalkTables {
  groups: number;
  groupsEnd: number;
  slots: number;
  /** A leaf's value (f64) lies as far into these as its slot into `slots`. */
  values: number;
  /** The u32 at half a slot's offset is the address of its linear leaf, or 0; null if the forest has none. */
  linear: number | null;
  /** Where leaves are vectors: what sums begin with, and the table whose u32 at half a slot's offset is the address of a leaf's numbers (f64, one a sum). */
  vectors: { start: number; leaves: number; count: number } | null;
}

export function layWalkTables(image: Image, forest: Forest, answerOf: Uint32Array): WalkTables {
  const each = forest.vectors ? forest.groups : 1;
  const count = forest.feature.length + forest.leaves.length / each + 1;
  const slots = image.take(count * slotFields.bytes);
  const values = forest.vectors ? 0 : image.take(count * slotFields.bytes);
  const vectors = forest.vectors
    ? { start: image.take(each * 8), leaves: image.take(count * 4), count: each }
    : null;
  let numbersAt = vectors ? image.take((forest.leaves.length + each) * 8) : 0;
  const linear = forest.linear === null ? null : image.take(count * 4);

  let taken = 0;
  /** A leaf's slot leads to itself: its answer 0 is always "left". */
  const layLeaf = (slot: number, numbers: Float64Array): void => {
    image.u32(slots + slot * slotFields.bytes + slotFields.left, slot * slotFields.bytes);
    if (vectors) {
      image.u32(vectors.leaves + slot * 4, numbersAt);
      numbersAt = layNumbers(image, numbersAt, numbers);
    } else image.f64(values + slot * slotFields.bytes, numbers[0]!);
  };
  const layTree = (root: number): number => {
    const first = taken++;
    const codes = [root];
    // Level by level, so that what every row reads lies together.
    for (let k = 0; k < codes.length; k++) {
      const code = codes[k]!;
      const slot = first + k;
      if (code < 0) {
        layLeaf(slot, forest.leaves.subarray(~code * each, (~code + 1) * each));
        if (linear !== null) image.u32(linear + slot * 4, layLinear(image, forest, ~code));
        continue;
      }
      image.u32(slots + slot * slotFields.bytes + slotFields.answer, answerOf[code]!);
      image.u32(slots + slot * slotFields.bytes + slotFields.left, taken * slotFields.bytes);
      codes.push(forest.left[code]!, forest.right[code]!);
      taken += 2;
    }
    return first * slotFields.bytes;
  };

  const roots = Int32Array.from(forest.roots, layTree);
  const empty = taken * slotFields.bytes;
  layLeaf(taken, new Float64Array(each).fill(-0)); // The one number that leaves every sum as it is, to the sign.
  if (vectors) layNumbers(image, vectors.start, forest.start);
  const records = forest.vectors ? 1 : forest.groups;
  const groups = layGroups(image, forest, records, roots, empty);
  return { groups, groupsEnd: groups + records * groupRecord.bytes, slots, values, linear, vectors };
}

/** Gives the address behind them. */
function layNumbers(image: Image, at: number, numbers: Float64Array): number {
  for (const [k, number] of numbers.entries()) image.f64(at + 8 * k, number);
  return at + 8 * numbers.length;
}

/** Each group's trees in their order, so that sums come out in it: singly, and in blocks filled up with empty trees. */
function layGroups(image: Image, forest: Forest, count: number, roots: Int32Array, empty: number): number {
  const depths = treeDepths(forest);
  const at = image.take(count * groupRecord.bytes);
  const members: number[][] = Array.from({ length: count }, () => []);
  forest.treeGroups.forEach((group, tree) => {
    members[group]!.push(tree);
  });
  members.forEach((group, index) => {
    const trees = image.take(group.length * treeRecord.bytes);
    group.forEach((tree, k) => {
      image.u32(trees + k * treeRecord.bytes + treeRecord.levels, Math.max(1, depths[tree]!));
      image.u32(trees + k * treeRecord.bytes + treeRecord.root, roots[tree]!);
    });
    const count = Math.max(1, Math.ceil(group.length / lanes));
    const blocks = image.take(count * blockRecord.bytes);
    for (let k = 0; k < count; k++) {
      const block = Array.from({ length: lanes }, (_, lane) => group[k * lanes + lane] ?? -1);
      const record = blocks + k * blockRecord.bytes;
      image.u32(record + blockRecord.levels, Math.max(1, ...block.map((tree) => depths[tree] ?? 0)));
      block.forEach((tree, lane) => {
        image.u32(record + blockRecord.roots + 4 * lane, roots[tree] ?? empty);
      });
    }
    const record = at + index * groupRecord.bytes;
    image.u32(record + groupRecord.blocks, blocks);
    image.u32(record + groupRecord.blocksEnd, blocks + count * blockRecord.bytes);
    image.u32(record + groupRecord.trees, trees);
    image.u32(record + groupRecord.treesEnd, trees + group.length * treeRecord.bytes);
    image.f64(record + groupRecord.start, forest.start[index]!);
  });
  return at;
}

function layLinear(image: Image, forest: Forest, leaf: number): number {
  const { start, constant, feature, coefficient } = forest.linear!;
  const terms = start[leaf + 1]! - start[leaf]!;
  if (terms === 0 && constant[leaf] === forest.leaves[leaf]) return 0;
  const at = image.take(linearRecord.bytes + terms * termRecord.bytes);
  image.u32(at + linearRecord.size, terms * termRecord.bytes);
  image.f64(at + linearRecord.constant, constant[leaf]!);
  for (let k = 0; k < terms; k++) {
    const term = at + linearRecord.bytes + k * termRecord.bytes;
    image.u32(term + termRecord.x, 8 * feature[start[leaf]! + k]!);
    image.f64(term + termRecord.coefficient, coefficient[start[leaf]! + k]!);
  }
  return at;
}
