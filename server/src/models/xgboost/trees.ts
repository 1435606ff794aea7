import type { Forest } from '../forest/forest.ts';
import { Rule } from '../forest/forest.ts';
import { Growing } from '../forest/growing.ts';
import type { Document } from './document.ts';
import { XgboostImportance } from './importance.ts';
import type { XgboostTree } from './tree.ts';

/** Words of 32 bits that all sets of categories may take: 128 MiB. */
const mostWords = 2 ** 25;

/** Puts the file's trees into one forest as they are read. A tree of several targets becomes a tree a target. */
export class Trees {
  readonly importance = new XgboostImportance();
  /** Trees of the file so far. */
  count = 0;
  /** Values of a leaf of each tree. */
  readonly targets: number[] = [];
  /** Before each tree of the file, and after the last: how many roots, nodes and leaves the forest has. */
  private readonly rootStart = new Growing(Uint32Array, [0]);
  private readonly nodeStart = new Growing(Uint32Array, [0]);
  private readonly leafStart = new Growing(Uint32Array, [0]);
  private readonly roots = new Growing(Int32Array);
  private readonly feature = new Growing(Int32Array);
  private readonly threshold = new Growing(Float64Array);
  private readonly rule = new Growing(Uint8Array);
  private readonly left = new Growing(Int32Array);
  private readonly right = new Growing(Int32Array);
  private readonly leaves = new Growing(Float64Array);
  private readonly setStart = new Growing(Uint32Array, [0]);
  private readonly words = new Growing(Uint32Array);

  add(tree: XgboostTree, document: Document): void {
    const firstSet = this.setStart.length - 1;
    const sets = [...tree.sets.keys()].map((node, k) => [node, firstSet + k] as const);
    for (const codes of tree.sets.values()) this.addSet(codes, document);
    for (let target = 0; target < tree.targets; target++) this.addTarget(tree, target, new Map(sets));
    this.importance.add(tree);
    this.count++;
    this.targets.push(tree.targets);
    this.rootStart.push([this.roots.length]);
    this.nodeStart.push([this.feature.length]);
    this.leafStart.push([this.leaves.length]);
  }

  private addTarget(tree: XgboostTree, target: number, sets: Map<number, number>): void {
    const { places, left, right, condition, leafValues, leafRow, targets } = tree;
    const isLeaf = (place: number): boolean => left[place] === -1;
    const codes = new Int32Array(left.length);
    let node = this.feature.length;
    let leaf = this.leaves.length;
    for (const place of places) codes[place] = isLeaf(place) ? ~leaf++ : node++;

    const nodes = places.filter((place) => !isLeaf(place));
    const ends = places.filter(isLeaf);
    this.roots.push([codes[0]!]);
    this.feature.push(nodes.map((place) => tree.feature[place]!));
    this.threshold.push(
      Float64Array.from(nodes, (place) => sets.get(place) ?? Math.fround(condition[place]!)),
    );
    this.rule.push(
      nodes.map(
        (place) =>
          (sets.has(place) ? Rule.categorical : numeric) |
          (tree.defaultLeft[place] === 1 ? Rule.defaultLeft : 0),
      ),
    );
    this.left.push(nodes.map((place) => codes[left[place]!]!));
    this.right.push(nodes.map((place) => codes[right[place]!]!));
    this.leaves.push(
      Float64Array.from(ends, (place) =>
        Math.fround(leafValues[(leafRow?.[place] ?? place) * targets + target]!),
      ),
    );
  }

  private addSet(codes: Float64Array, document: Document): void {
    const words = new Uint32Array(Math.floor(codes.reduce((most, code) => Math.max(most, code), 0) / 32) + 1);
    if (this.words.length + words.length > mostWords) {
      document.unsupported(
        'categories',
        'the trees have too many distinct category codes',
        'Train with fewer categories.',
      );
    }
    for (const code of codes) words[Math.floor(code / 32)]! |= 1 << (code % 32);
    this.words.push(words);
    this.setStart.push([this.words.length]);
  }

  /**
   * The first `count` trees of the file. `groups[i]` is tree i's group (a tree of several targets adds to each),
   * `weights[i]` what its leaves are multiplied with (in float32, as DART does), if there are weights.
   */
  forest(
    count: number,
    groups: ArrayLike<number>,
    weights: ArrayLike<number> | null,
    shape: { features: number; start: Float64Array },
  ): Forest {
    const rootStart = this.rootStart.array();
    const leafStart = this.leafStart.array();
    const nodes = this.nodeStart.array()[count]!;
    const leaves = this.leaves.array().subarray(0, leafStart[count]!);
    const treeGroups = new Int32Array(rootStart[count]!);
    for (let tree = 0; tree < count; tree++) {
      for (let root = rootStart[tree]!; root < rootStart[tree + 1]!; root++) {
        treeGroups[root] = this.targets[tree]! > 1 ? root - rootStart[tree]! : groups[tree]!;
      }
      const weight = Math.fround(weights?.[tree] ?? 1);
      if (weight === 1) continue;
      for (let leaf = leafStart[tree]!; leaf < leafStart[tree + 1]!; leaf++) {
        leaves[leaf] = Math.fround(weight * leaves[leaf]!);
      }
    }
    return {
      features: shape.features,
      groups: shape.start.length,
      compare: 'float32',
      sum: 'float32',
      start: shape.start,
      roots: this.roots.array().subarray(0, treeGroups.length),
      treeGroups,
      feature: this.feature.array().subarray(0, nodes),
      threshold: this.threshold.array().subarray(0, nodes),
      rule: this.rule.array().subarray(0, nodes),
      left: this.left.array().subarray(0, nodes),
      right: this.right.array().subarray(0, nodes),
      leaves,
      sets: { start: this.setStart.array(), words: this.words.array() },
      linear: null,
    };
  }
}

/** NaN takes the default side. */
const numeric = Rule.strict | Rule.missingNaN;
