import { elements, numbersOf, textsOf } from './constants.ts';
import type { OnnxGraph, OnnxTensor } from './graph.ts';

type Label = string | number;

/**
 * Class labels in the order of the probabilities, where the graph names them: attributes of classifiers
 * (linear, trees, SVM) and ZipMap, or, as skl2onnx writes other classifiers, a list that an
 * ArrayFeatureExtractor picks from by what an ArgMax found. The last one counts: it is nearest to the outputs.
 */
export function classLabels({ nodes, initializers }: OnnxGraph): Label[] | null {
  for (const { op, inputs, attributes } of [...nodes].reverse()) {
    const strings = attributes.get('classlabels_strings')?.strings ?? [];
    if (strings.length > 0) return strings;
    const ints = (attributes.get('classlabels_int64s') ?? attributes.get('classlabels_ints'))?.ints ?? [];
    if (ints.length > 0) return ints;
    const picked = nodes.find(({ outputs }) => outputs.includes(inputs[1] ?? ''));
    if (op !== 'ArrayFeatureExtractor' || picked?.op !== 'ArgMax') continue;
    const list = initializers.find(({ name }) => name === inputs[0]);
    const labels = list ? labelsOf(list) : [];
    if (labels.length > 1 && new Set(labels).size === labels.length) return labels;
  }
  return null;
}

/** The values of a small tensor of labels; none if it is of another type. */
export function labelsOf(tensor: OnnxTensor): Label[] {
  const isWhole = tensor.type === elements.int32 || tensor.type === elements.int64;
  return textsOf(tensor) ?? (isWhole ? numbersOf(tensor) : null) ?? [];
}
