import type { Forest } from '../server/src/models/forest/forest.ts';
import { Rule } from '../server/src/models/forest/forest.ts';
import { attribute, message, model, node, packed, value } from '../server/test/models/onnx/onnx-file.ts';

/** The same float32 forest of one group as an ONNX graph X [N, features] → Y [N, 1], as converters write it (TreeEnsembleRegressor). */
export function treeEnsemble(forest: Forest): Uint8Array {
  const nodes: Record<string, number[]> = {};
  const targets: Record<string, number[]> = {};
  const modes: string[] = [];
  const add = (to: Record<string, number[]>, fields: Record<string, number>): void => {
    for (const [key, number] of Object.entries(fields)) {
      to[key] ??= [];
      to[key].push(number);
    }
  };
  forest.roots.forEach((root, tree) => {
    const codes = [root];
    for (let id = 0; id < codes.length; id++) {
      const code = codes[id]!;
      const isLeaf = code < 0;
      const isStrict = !isLeaf && (forest.rule[code]! & Rule.strict) !== 0;
      modes.push(isLeaf ? 'LEAF' : isStrict ? 'BRANCH_LT' : 'BRANCH_LEQ');
      add(nodes, {
        treeids: tree,
        nodeids: id,
        featureids: isLeaf ? 0 : forest.feature[code]!,
        truenodeids: isLeaf ? 0 : codes.length,
        falsenodeids: isLeaf ? 0 : codes.length + 1,
        missing_value_tracks_true: !isLeaf && (forest.rule[code]! & Rule.defaultLeft) !== 0 ? 1 : 0,
        values: isLeaf ? 0 : forest.threshold[code]!,
      });
      if (isLeaf) add(targets, { treeids: tree, nodeids: id, ids: 0, weights: forest.leaves[~code]! });
      else codes.push(forest.left[code]!, forest.right[code]!);
    }
  });
  const floats = (name: string, of: ArrayLike<number>) =>
    attribute(name, [7, new Uint8Array(Float32Array.from(of).buffer)], [20, 6]);
  const numbers = (prefix: string, of: Record<string, number[]>) =>
    Object.entries(of).map(([key, list]) =>
      key === 'values' || key === 'weights'
        ? floats(`${prefix}_${key}`, list)
        : attribute(`${prefix}_${key}`, [8, packed(list)], [20, 7]),
    );
  const trees = node(
    'TreeEnsembleRegressor',
    ['X'],
    ['Y'],
    ...numbers('nodes', nodes),
    ...numbers('target', targets),
    modesAttribute(modes),
    attribute('n_targets', [3, 1], [20, 2]),
    floats('base_values', forest.start),
    [7, 'ai.onnx.ml'],
  );
  return model(message(trees, [2, 'g'], value(11, 'X', forest.features), value(12, 'Y', 1)));
}

/** Of more modes than a call takes arguments: fields of one message, one after the other. */
function modesAttribute(modes: string[]): [number, Uint8Array] {
  const fields = modes.map((mode) => message([9, mode]));
  return [5, Buffer.concat([message([1, 'nodes_modes'], [20, 8]), ...fields])];
}
