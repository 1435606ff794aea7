import { elements } from './constants.ts';
import type { OnnxNode } from './graph.ts';

type Types = (number | undefined)[];

const { float, int32, int64, boolean, string } = elements;

/**
 * Operators whose outputs are not of their first input's type, as those of all others are, by the standard
 * (onnx/docs/Operators.md and Operators-ml.md): their types, or how these follow from the node.
 */
const own: Record<string, Types | ((node: OnnxNode, inputs: Types) => Types)> = {
  ...named(['Shape', 'Size', 'NonZero', 'ArgMax', 'ArgMin', 'NonMaxSuppression', 'SequenceLength'], [int64]),
  ...named(
    ['Equal', 'Less', 'LessOrEqual', 'Greater', 'GreaterOrEqual', 'And', 'Or', 'Xor', 'Not'],
    [boolean],
  ),
  ...named(['IsNaN', 'IsInf', 'StringRegexFullMatch', 'OptionalHasElement'], [boolean]),
  ...named(['MatMulInteger', 'ConvInteger'], [int32]),
  ...named(['DequantizeLinear', 'TfIdfVectorizer', 'Scaler', 'Normalizer', 'OneHotEncoder'], [float]),
  ...named(['FeatureVectorizer', 'TreeEnsembleRegressor', 'LinearRegressor', 'SVMRegressor'], [float]),
  ...named(['TreeEnsembleClassifier', 'LinearClassifier', 'SVMClassifier'], [int64, float]),
  ...named(['TopK', 'MaxPool'], (_, [first]) => [first, int64]),
  Unique: (_, [first]) => [first, int64, int64, int64],
  Dropout: (_, [first]) => [first, boolean],
  CategoryMapper: (_, [first]) => [first === string ? int64 : string],
  Where: (_, [, second]) => [second],
  CastLike: (_, [, second]) => [second],
  OneHot: (_, [, , third]) => [third],
  QuantizeLinear: (_, [, , third]) => [third ?? elements.uint8],
  Cast: (node) => [whole(node, 'to')],
  Multinomial: (node) => [whole(node, 'dtype') ?? int32],
  EyeLike: (node, [first]) => [whole(node, 'dtype') ?? first],
  Bernoulli: (node, [first]) => [whole(node, 'dtype') ?? first],
  ConstantOfShape: (node) => [tensorType(node) ?? float],
  Constant: (node) => [tensorType(node) ?? valuesType(node, ['value_int', 'value_ints'], 'value_string')],
  LabelEncoder: (node) => [
    tensorType(node, 'values_tensor') ?? valuesType(node, ['values_int64s'], 'values_strings'),
  ],
};

/** Element types of a node's outputs, by those of its inputs. What is not known is left out, or undefined. */
export function outputTypes(node: OnnxNode, types: ReadonlyMap<string, number>): Types {
  const inputs = node.inputs.map((name) => types.get(name));
  const found = own[node.op];
  if (!found) return node.outputs.map(() => inputs[0]);
  return typeof found === 'function' ? found(node, inputs) : found;
}

function named<T>(ops: string[], types: T): Record<string, T> {
  return Object.fromEntries(ops.map((op) => [op, types]));
}

function whole({ attributes }: OnnxNode, name: string): number | undefined {
  return attributes.get(name)?.ints[0];
}

function tensorType({ attributes }: OnnxNode, name = 'value'): number | undefined {
  return attributes.get(name)?.tensors[0]?.type;
}

/** By which attributes hold its values; floats where these do not. */
function valuesType({ attributes }: OnnxNode, ints: string[], strings: string): number {
  if (ints.some((name) => attributes.has(name))) return int64;
  return attributes.has(strings) ? string : float;
}
