import type { SymmetricForest } from '../forest/symmetric.ts';
import { TestKind } from '../forest/symmetric.ts';
import type { CatboostModel, Trees } from './catboost-model.ts';
import type { Columns } from './columns.ts';
import { codesOf } from './columns.ts';
import { listSplits } from './splits.ts';

/** A checked model's symmetric trees as a forest over `columns`; scale and bias are left out. */
export function symmetricOf(
  model: CatboostModel,
  trees: Trees & { symmetric: true },
  columns: Columns,
): SymmetricForest {
  const codes = codesOf(model);
  const missingOf = new Map(model.numeric.map(({ index, missing }) => [index, missing]));
  const tests = listSplits(model).map((split) => {
    if (split.kind === 'oneHot') {
      const threshold = codes.get(split.index)!.get(split.value)!;
      return { feature: columns.categorical.get(split.index)!, threshold, kind: TestKind.isCode };
    }
    if (split.kind === 'ctr') {
      return { feature: columns.ctrs + split.index, threshold: split.border, kind: TestKind.above };
    }
    const kind = missingOf.get(split.index) === 'AsTrue' ? TestKind.aboveOrMissing : TestKind.above;
    return { feature: columns.numeric.get(split.index)!, threshold: split.border, kind };
  });
  return {
    features: columns.width,
    groups: model.dimension,
    tests: {
      feature: Int32Array.from(tests, ({ feature }) => feature),
      threshold: Float64Array.from(tests, ({ threshold }) => threshold),
      kind: Uint8Array.from(tests, ({ kind }) => kind),
    },
    sizes: trees.sizes,
    asked: trees.splits,
    leaves: model.leaves,
  };
}
