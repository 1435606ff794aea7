import { SlipwayError } from '../../errors.ts';
import { columnsOf, type Inputs } from '../columns.ts';
import type { ModelHints } from '../model.ts';
import { elementTypes } from './element-types.ts';
import type { OnnxGraph } from './graph.ts';
import { withStrictCategories } from './strict-categories.ts';

export const way =
  'It takes inputs whose first dimension is the row and whose others are fixed, or said with --onnx-shape NAME=5,3.';

/** The graph's inputs as columns of a frame, one after the other. Throws FILE_UNSUPPORTED, naming the input. */
export function inputsOf(graph: OnnxGraph, hints: ModelHints, file: string): Inputs {
  const initialized = new Set(graph.initializers.map((tensor) => tensor.name));
  const values = graph.inputs
    .filter(({ name }) => !initialized.has(name))
    .map(({ name, type, dims, isTensor }) => {
      const datatype = elementTypes[type];
      if (isTensor && datatype) return { name, datatype, dims };
      const why = isTensor
        ? 'is of a type that this release does not take (such as bfloat16 or complex)'
        : 'is no tensor';
      throw new SlipwayError('FILE_UNSUPPORTED', `${file}: input "${name}" ${why}.`, way);
    });
  const taken = columnsOf(values, hints, file, way, true);
  return { ...taken, features: withStrictCategories(graph, taken.inputs, taken.features) };
}
