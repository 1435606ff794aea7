import { type Forest, Rule } from '../../forest/forest.ts';
import { Growing } from '../../forest/growing.ts';
import { type Ensemble, modes } from './ensemble.ts';

const [, lt, gte, gt, eq, neq, member] = modes.map((_, index) => index) as [
  number,
  number,
  number,
  number,
  number,
  number,
  number,
];

/** A question that no threshold answers, whether a feature is one of some values: made a feature of its own, 0 for yes. */
export interface Membership {
  feature: number;
  values: number[];
}

export interface ForestOf {
  forest: Forest;
  /** The forest's features beyond the ensemble's own `width`, in order. */
  memberships: Membership[];
}

/** More questions than these would take longer to ask than the trees to walk. */
const mostMemberships = 4096;

/**
 * An ensemble as the forest form. onnxruntime's sums begin at 0 and are rounded after every tree, of an input in double
 * precision only after the last; base values come after them. Where leaves give weights to most targets they are
 * vectors; else a tree that gives weights to several stands in the forest once for each. Null for what the form does not
 * hold: branches that meet (but for chains of equalities, which are sets), thresholds that are no numbers, a leaf with
 * two weights for one target, a target that a row may leave without any.
 */
export function forestOf(ensemble: Ensemble, width: number, isDouble: boolean): ForestOf | null {
  const builder = new Builder(ensemble, width);
  const trees = ensemble.roots.map((root) => builder.read(root));
  if (!trees.every((tree) => tree !== null)) return null;
  for (const tree of trees) if (!builder.add(tree)) return null;
  if (builder.sure.size < ensemble.targets) return null;
  const precision = isDouble ? 'float64' : 'float32';
  return { forest: builder.forest(precision), memberships: builder.memberships };
}

/** One tree with its nodes in an order of their own; leaves are the ensemble's. */
interface Tree {
  root: number;
  feature: number[];
  threshold: number[];
  rule: number[];
  left: number[];
  right: number[];
  leaves: number[];
}

class Builder {
  readonly memberships: Membership[] = [];
  /** Targets that get a weight whatever the row: one that gets none is not the same as a sum of 0. */
  readonly sure = new Set<number>();
  readonly #ensemble: Ensemble;
  readonly #width: number;
  readonly #questions = new Map<string, number>();
  readonly #met: Uint8Array;
  readonly #metLeaf: Uint8Array;
  readonly #roots: number[] = [];
  readonly #groups: number[] = [];
  readonly #feature = new Growing(Int32Array);
  readonly #threshold = new Growing(Float64Array);
  readonly #rule = new Growing(Uint8Array);
  readonly #left = new Growing(Int32Array);
  readonly #right = new Growing(Int32Array);
  readonly #leaves = new Growing(Float64Array);

  /** Whether leaves give most targets a weight, as those of a forest of classes do: they are vectors then. */
  readonly vectors: boolean;

  constructor(ensemble: Ensemble, width: number) {
    const { leaves, targets } = ensemble;
    this.vectors = targets > 1 && leaves.weight.length > ((leaves.start.length - 1) * targets) / 2;
    this.#ensemble = ensemble;
    this.#width = width;
    this.#met = new Uint8Array(ensemble.feature.length);
    this.#metLeaf = new Uint8Array(ensemble.leaves.start.length - 1);
  }

  /** Walks a tree from its root; null where it is none, or asks what the form cannot. */
  read(root: number): Tree | null {
    const tree: Tree = { root: 0, feature: [], threshold: [], rule: [], left: [], right: [], leaves: [] };
    const open: { code: number; set: (code: number) => void }[] = [
      { code: root, set: (code) => (tree.root = code) },
    ];
    while (open.length > 0) {
      const { code, set } = open.pop()!;
      if (code < 0) {
        if (!(~code < this.#metLeaf.length) || this.#metLeaf[~code]!++ > 0) return null;
        set(~tree.leaves.length);
        tree.leaves.push(~code);
        continue;
      }
      const node = this.#node(code);
      if (!node) return null;
      const index = tree.feature.length;
      set(index);
      tree.feature.push(node.feature);
      tree.threshold.push(node.threshold);
      tree.rule.push(node.rule);
      tree.left.push(0);
      tree.right.push(0);
      open.push({ code: node.right, set: (child) => (tree.right[index] = child) });
      open.push({ code: node.left, set: (child) => (tree.left[index] = child) });
    }
    return tree;
  }

  #node(
    code: number,
  ): { feature: number; threshold: number; rule: number; left: number; right: number } | null {
    const { feature, split, mode, tracks, yes, no, members } = this.#ensemble;
    if (!(code < feature.length) || this.#met[code]!++ > 0) return null;
    const [column, way, tracked] = [feature[code]!, mode[code]!, tracks[code] === 1];
    if (!(column >= 0 && column < this.#width)) return null;
    if (way === eq || way === neq || way === member) {
      const values = way === member ? [...(members.get(code) ?? [])] : [split[code]!];
      let last = code;
      // LightGBM's sets are written as a chain of equalities that lead to one and the same child.
      for (let next = no[last]!; way === eq && this.#continues(next, code); next = no[last]!) {
        this.#met[next]!++;
        values.push(split[next]!);
        last = next;
      }
      if (!values.every(Number.isFinite)) return null;
      const question = this.#ask({ feature: column, values });
      if (question === null) return null;
      // NaN equals nothing: it takes the false branch unless it is tracked; it differs from everything.
      const rule = Rule.missingNaN | ((way === neq ? 0 : tracked) ? Rule.defaultLeft : 0);
      const [left, right] = way === neq ? [no[code]!, yes[code]!] : [yes[code]!, no[last]!];
      return { feature: this.#width + question, threshold: 0.5, rule, left, right };
    }
    const strict = way === lt || way === gte;
    const turned = way === gte || way === gt;
    const threshold = split[code]!;
    if (Number.isNaN(threshold) || (strict && threshold === Number.NEGATIVE_INFINITY)) return null;
    const rule = Rule.missingNaN | (strict ? Rule.strict : 0) | (tracked !== turned ? Rule.defaultLeft : 0);
    const [left, right] = turned ? [no[code]!, yes[code]!] : [yes[code]!, no[code]!];
    return { feature: column, threshold, rule, left, right };
  }

  /** Whether a node asks of the same feature, in the same way, and leads to the same child. */
  #continues(next: number, first: number): boolean {
    const { feature, mode, tracks, yes } = this.#ensemble;
    return (
      next >= 0 &&
      next !== first &&
      mode[next] === eq &&
      feature[next] === feature[first] &&
      tracks[next] === tracks[first] &&
      yes[next] === yes[first] &&
      this.#met[next] === 0
    );
  }

  #ask(membership: Membership): number | null {
    const key = `${membership.feature} ${membership.values}`;
    const asked = this.#questions.get(key);
    if (asked !== undefined) return asked;
    if (this.memberships.length === mostMemberships) return null;
    this.#questions.set(key, this.memberships.length);
    return this.memberships.push(membership) - 1;
  }

  /** Adds a tree, or one for each target that its leaves give weights to; false where a leaf gives two to one target. */
  add(tree: Tree): boolean {
    const { targets } = this.#ensemble;
    const given = this.#weightsOf(tree);
    if (!given) return false;
    if (this.vectors) {
      const leaves = new Float64Array(tree.leaves.length * targets);
      for (const [target, weights] of given)
        for (const [k, weight] of weights.entries()) leaves[k * targets + target] = weight;
      this.#push(tree, 0, leaves, targets);
    } else
      for (const [target, weights] of [...given].sort(([a], [b]) => a - b))
        this.#push(tree, target, weights, 1);
    return true;
  }

  /** Target → the weight that each leaf gives it, or 0; null where a leaf gives two, or one that is no number. */
  #weightsOf(tree: Tree): Map<number, Float64Array> | null {
    const { leaves, targets } = this.#ensemble;
    const given = new Map<number, Float64Array>();
    const counts = new Map<number, number>();
    for (const [k, leaf] of tree.leaves.entries()) {
      const own = new Set<number>();
      for (let i = leaves.start[leaf]!; i < leaves.start[leaf + 1]!; i++) {
        const target = leaves.target[i]!;
        const weight = leaves.weight[i]!;
        if (own.has(target) || !(target >= 0 && target < targets) || !Number.isFinite(weight)) return null;
        own.add(target);
        if (!given.has(target)) given.set(target, new Float64Array(tree.leaves.length));
        given.get(target)![k] = weight;
        counts.set(target, (counts.get(target) ?? 0) + 1);
      }
    }
    for (const [target, count] of counts) if (count === tree.leaves.length) this.sure.add(target);
    return given;
  }

  /** `each`: numbers a leaf. */
  #push(tree: Tree, group: number, leaves: Float64Array, each: number): void {
    const [nodes, first] = [this.#feature.length, this.#leaves.length / each];
    const code = (child: number): number => (child >= 0 ? child + nodes : child - first);
    this.#roots.push(code(tree.root));
    this.#groups.push(group);
    this.#feature.push(tree.feature);
    this.#threshold.push(tree.threshold);
    this.#rule.push(tree.rule);
    this.#left.push(tree.left.map(code));
    this.#right.push(tree.right.map(code));
    this.#leaves.push(leaves);
  }

  forest(precision: Forest['sum']): Forest {
    const { targets } = this.#ensemble;
    return {
      features: this.#width + this.memberships.length,
      groups: targets,
      compare: precision,
      sum: precision,
      start: new Float64Array(targets),
      roots: Int32Array.from(this.#roots),
      treeGroups: Int32Array.from(this.#groups),
      feature: this.#feature.array(),
      threshold: this.#threshold.array(),
      rule: this.#rule.array(),
      left: this.#left.array(),
      right: this.#right.array(),
      leaves: this.#leaves.array(),
      vectors: this.vectors,
      sets: { start: Uint32Array.of(0), words: new Uint32Array() },
      linear: null,
    };
  }
}
