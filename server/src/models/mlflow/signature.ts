import { SlipwayError } from '../../errors.ts';
import type { Datatype, Feature, FeatureType, Signature, TensorSpec } from '../../signature.ts';
import type { Mapping } from './description.ts';

/** The inputs that MLflow's signature names: columns of a data frame, or tensors. */
export type MlflowSignature =
  | { columns: { name: string | null; type: string }[] }
  | { tensors: { name: string | null; dtype: string; shape: number[] }[] };

/**
 * Reads `signature.inputs`, a JSON text inside the YAML (mlflow/types/schema.py). Null: none is given. Outputs are not
 * read: what a version answers is the file's own. Throws FILE_BROKEN.
 */
export function readSignature(signature: unknown, file: string): MlflowSignature | null {
  const text = signature instanceof Map ? (signature as Mapping).get('inputs') : null;
  if (text === null || text === undefined) return null;
  const broken = (why: string): never => {
    throw new SlipwayError(
      'FILE_BROKEN',
      `${file}: signature.inputs ${why}.`,
      'Save the model with MLflow again, with infer_signature.',
    );
  };
  let list: unknown;
  try {
    list = JSON.parse(String(text));
  } catch (error) {
    return broken(`is no JSON: ${(error as Error).message}`);
  }
  if (!Array.isArray(list) || list.length === 0) return broken('is no list of inputs');
  const inputs = list.map((one) => new Map(Object.entries((one ?? {}) as object)));
  const nameOf = (one: Map<string, unknown>): string | null => {
    const name = one.get('name') ?? null;
    return name === null || typeof name === 'string' ? name : broken('holds a name that is no text');
  };
  if (inputs.every((one) => one.get('type') === 'tensor')) {
    const tensors = inputs.map((one) => {
      const spec = new Map(Object.entries((one.get('tensor-spec') ?? {}) as object));
      const shape = spec.get('shape');
      if (!Array.isArray(shape) || !shape.every(Number.isSafeInteger)) return broken('holds no shape');
      return { name: nameOf(one), dtype: String(spec.get('dtype')), shape: shape as number[] };
    });
    return { tensors };
  }
  const columns = inputs.map((one) => {
    const type = one.get('type');
    return typeof type === 'string' && type !== 'tensor'
      ? { name: nameOf(one), type }
      : broken('mixes columns and tensors');
  });
  return { columns };
}

/** The names of all columns; undefined where some or all have none. */
export function columnNames(signature: MlflowSignature | null): string[] | undefined {
  if (!signature || !('columns' in signature)) return undefined;
  const names = signature.columns.flatMap(({ name }) => name ?? []);
  return names.length === signature.columns.length ? names : undefined;
}

/**
 * The file's signature with what MLflow's adds: types of features that are plain numbers to the file, and names as the
 * training data had them. Where both speak they must agree. Throws FILE_BROKEN.
 */
export function agreed(own: Signature, said: MlflowSignature | null, file: string): Signature {
  if (!said) return own;
  const differ = (why: string): never => {
    throw new SlipwayError(
      'FILE_BROKEN',
      `${file}: MLflow’s signature and the model file differ: ${why}.`,
      'Save the model with MLflow again, with the signature of its own training data.',
    );
  };
  if ('tensors' in said) {
    for (const tensor of said.tensors) agreeTensor(own.inputs, tensor, said.tensors.length, differ);
    return own;
  }
  const { columns } = said;
  if (columns.length !== own.features.length)
    differ(`it names ${columns.length} columns, the file takes ${own.features.length}`);
  // A graph of several inputs is fed by their names, all others by the columns' order.
  const byName = own.inputs.length > 1;
  const features = own.features.map((feature, i): Feature => {
    const { name, type } =
      (byName ? columns.find((column) => column.name === feature.name) : columns[i]) ??
      differ(`it has no column "${feature.name}"`);
    if (name !== null && name !== feature.name && asLibrariesName(name) !== feature.name)
      differ(`column ${i} is "${name}" to it, "${feature.name}" to the file`);
    return { ...feature, name: name ?? feature.name, type: agreedType(feature, type, differ) };
  });
  return { ...own, features };
}

/** LightGBM writes other white space than line ends as underscores (`SaveModelToString`). */
function asLibrariesName(name: string): string {
  return name.replace(/\s/g, '_');
}

const numbers = ['integer', 'long', 'float', 'double', 'boolean'];

function agreedType(feature: Feature, said: string, differ: (why: string) => never): FeatureType {
  const { name, type, categories } = feature;
  if (said === 'string') {
    const takesText = type === 'string' || (type === 'category' && categories !== undefined);
    return takesText ? type : differ(`"${name}" is a text to it, a ${type} to the file`);
  }
  if (!numbers.includes(said)) return differ(`"${name}" is of the type ${said}, which no model file takes`);
  if (type === 'string') return differ(`"${name}" is a number to it, a text to the file`);
  if (type !== 'number') return type;
  if (said === 'boolean') return 'boolean';
  return said === 'integer' || said === 'long' ? 'integer' : 'number';
}

/** NumPy's names. */
const datatypes: Record<string, Datatype> = {
  bool: 'BOOL',
  uint8: 'UINT8',
  uint16: 'UINT16',
  uint32: 'UINT32',
  uint64: 'UINT64',
  int8: 'INT8',
  int16: 'INT16',
  int32: 'INT32',
  int64: 'INT64',
  float16: 'FP16',
  float32: 'FP32',
  float64: 'FP64',
  object: 'BYTES',
  str: 'BYTES',
};

function agreeTensor(
  inputs: TensorSpec[],
  { name, dtype, shape }: { name: string | null; dtype: string; shape: number[] },
  count: number,
  differ: (why: string) => never,
): void {
  if (count !== inputs.length) differ(`it names ${count} tensors, the file takes ${inputs.length}`);
  const named = inputs.find((one) => one.name === name);
  const input =
    named ?? (name === null && count === 1 ? inputs[0]! : differ(`the file has no input "${name}"`));
  // An unnamed tensor is a NumPy array that MLflow hands to the library, which converts it.
  if (named && datatypes[dtype] !== input.datatype)
    differ(`"${input.name}" is ${dtype} to it, ${input.datatype} to the file`);
  const inner = shape.slice(1);
  const same =
    inner.length === input.shape.length - 1 &&
    inner.every((size, i) => size < 0 || size === input.shape[i + 1]);
  if (!same) differ(`"${input.name}" has the shape [${shape}] to it, [${input.shape}] to the file`);
}
