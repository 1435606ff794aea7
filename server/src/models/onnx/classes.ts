import type { OnnxGraph, OnnxTensor } from './graph.ts';
import { fields, numbers, text } from './protobuf.ts';

/** ONNX's numbers of element types that labels have. */
const [int32, int64, string] = [6, 7, 8];

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
    const labels = list ? labelsIn(list) : [];
    if (labels.length > 1 && new Set(labels).size === labels.length) return labels;
  }
  return null;
}

/** The values of a small tensor of labels. */
function labelsIn({ type, span }: OnnxTensor): Label[] {
  const labels: Label[] = [];
  for (const field of fields(span)) {
    if (type === string && field.number === 6) labels.push(text(field.span));
    else if ((type === int32 && field.number === 5) || (type === int64 && field.number === 7))
      for (const value of numbers(field)) labels.push(value);
    else if (field.number === 9 && (type === int32 || type === int64)) {
      const { bytes, from, to } = field.span;
      const view = new DataView(bytes.buffer, bytes.byteOffset + from, to - from);
      const size = type === int32 ? 4 : 8;
      for (let at = 0; at < view.byteLength; at += size)
        labels.push(type === int32 ? view.getInt32(at, true) : Number(view.getBigInt64(at, true)));
    }
  }
  return labels;
}
