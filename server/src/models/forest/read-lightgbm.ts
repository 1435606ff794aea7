import type { Feature } from '../../signature.ts';
import type { Importance } from '../model.ts';
import type { Forest } from './forest.ts';
import { nearZero, Rule } from './forest.ts';
import { Growing } from './growing.ts';
import { nameFeatures, readTail } from './lightgbm-categories.ts';
import type { LightgbmHeader } from './lightgbm-header.ts';
import { readHeader } from './lightgbm-header.ts';
import { LightgbmImportance } from './lightgbm-importance.ts';
import type { Objective } from './lightgbm-objective.ts';
import { readObjective } from './lightgbm-objective.ts';
import { LightgbmText } from './lightgbm-text.ts';
import type { LightgbmTree } from './lightgbm-tree.ts';
import { decisionBits, readTree } from './lightgbm-tree.ts';
import type { Link } from './link.ts';
import { below } from './neighbours.ts';

export interface LightgbmModel {
  header: LightgbmHeader;
  objective: Objective;
  link: Link;
  forest: Forest;
  features: Feature[];
  importance: Importance[];
}

/**
 * Reads a LightGBM text file (formats v2 to v4; checked against LightGBM 4.7.0). Pure; memory is bounded by the
 * file's size. Whatever is not exactly as LightGBM writes it is refused: FILE_BROKEN, or FILE_UNSUPPORTED where the
 * file may be right but Slipway cannot know what it means. `file` is its name in messages.
 */
export function readLightgbm(bytes: Uint8Array, file: string): LightgbmModel {
  const text = new LightgbmText(bytes, file);
  const header = readHeader(text);
  const objective = readObjective(text, header);
  const trees = new Trees();
  const importance = new LightgbmImportance(header.features);
  while (text.field().key === 'Tree') {
    const tree = readTree(text, trees.count, header.features);
    trees.add(tree);
    importance.add(tree);
  }
  const { count } = trees;
  if (count === 0) throw text.broken('trees', 'there are none');
  if (header.trees !== null && header.trees !== count) {
    throw text.broken('tree_sizes', `lists ${header.trees} trees, but the file holds ${count}`);
  }
  if (count % header.groups !== 0) {
    throw text.broken('num_tree_per_iteration', `${count} trees are no whole rounds of ${header.groups}`);
  }
  const tail = readTail(text, header);
  const forest = trees.forest(header);
  const link: Link = {
    kind: objective.link,
    precision: 'float64',
    scale: objective.scale,
    divisor: header.average ? count / header.groups : 1,
  };
  const features = nameFeatures(text, header, tail, forest);
  return { header, objective, link, forest, features, importance: importance.measures() };
}

/** Puts the file's trees into one forest. */
class Trees {
  private readonly roots = new Growing(Int32Array);
  private readonly feature = new Growing(Int32Array);
  private readonly threshold = new Growing(Float64Array);
  private readonly rule = new Growing(Uint8Array);
  private readonly left = new Growing(Int32Array);
  private readonly right = new Growing(Int32Array);
  private readonly leaves = new Growing(Float64Array);
  private readonly setStart = new Growing(Uint32Array, [0]);
  private readonly words = new Growing(Uint32Array);
  private readonly terms = new Growing(Uint32Array, [0]);
  private readonly constant = new Growing(Float64Array);
  private readonly termFeature = new Growing(Int32Array);
  private readonly coefficient = new Growing(Float64Array);
  private isLinear = false;

  get count(): number {
    return this.roots.length;
  }

  add(tree: LightgbmTree): void {
    const nodes = this.feature.length;
    const leaves = this.leaves.length;
    const sets = this.setStart.length - 1;
    const words = this.words.length;
    const code = (child: number): number => (child >= 0 ? child + nodes : child - leaves);
    const isCategorical = tree.decision.map((decision) => decision & decisionBits.categorical);

    this.roots.push([tree.feature.length > 0 ? nodes : ~leaves]);
    this.feature.push(tree.feature);
    this.threshold.push(tree.threshold.map((t, node) => (isCategorical[node] ? t + sets : asCompared(t))));
    this.rule.push(tree.decision.map(ruleOf));
    this.left.push(tree.left.map(code));
    this.right.push(tree.right.map(code));
    this.leaves.push(tree.leaves);
    this.setStart.push(tree.bounds.subarray(1).map((bound) => bound + words));
    this.words.push(tree.words);
    this.addLinear(tree);
  }

  private addLinear({ linear, leaves }: LightgbmTree): void {
    const counts = linear?.counts ?? new Float64Array(leaves.length);
    let end = this.termFeature.length;
    this.terms.push(counts.map((terms) => (end += terms)));
    this.constant.push(linear?.constant ?? leaves);
    if (linear === null) return;
    this.isLinear = true;
    this.termFeature.push(linear.feature);
    this.coefficient.push(linear.coefficient);
  }

  forest({ features, groups }: LightgbmHeader): Forest {
    return {
      features,
      groups,
      compare: 'float64',
      sum: 'float64',
      start: new Float64Array(groups),
      roots: this.roots.array(),
      treeGroups: Int32Array.from({ length: this.count }, (_, tree) => tree % groups),
      feature: this.feature.array(),
      threshold: this.threshold.array(),
      rule: this.rule.array(),
      left: this.left.array(),
      right: this.right.array(),
      leaves: this.leaves.array(),
      sets: { start: this.setStart.array(), words: this.words.array() },
      linear: this.isLinear
        ? {
            start: this.terms.array(),
            constant: this.constant.array(),
            feature: this.termFeature.array(),
            coefficient: this.coefficient.array(),
          }
        : null,
    };
  }
}

function ruleOf(decision: number): number {
  // Missing categories go right whatever the file says; codes in the set go left.
  if ((decision & decisionBits.categorical) !== 0) return Rule.categorical | Rule.setLeft;
  const missing = decision & decisionBits.missing;
  const rule = missing === decisionBits.missingNaN ? Rule.missingNaN : missing === 0 ? 0 : Rule.missingZero;
  return (decision & decisionBits.defaultLeft) !== 0 ? rule | Rule.defaultLeft : rule;
}

/**
 * LightGBM sets values within nearZero to 0 before the trees see them (`RowPairFunctionFromDenseMatric` in its
 * c_api.cpp drops them from the row). A threshold within that span therefore divides at the span's edge; here it is
 * moved there, so that the row can stay as it is.
 */
function asCompared(threshold: number): number {
  if (threshold >= nearZero || threshold < -nearZero) return threshold;
  return threshold >= 0 ? nearZero : below(-nearZero);
}
