import type { Datatype, Signature, TensorSpec } from '../signature.ts';

/**
 * A version as Triton's model configuration describes one. Rows are counted by each tensor's first dimension
 * (`max_batch_size` 0: it is written out).
 * https://github.com/triton-inference-server/server/blob/main/docs/protocol/extension_model_configuration.md
 */
export interface ModelConfig {
  name: string;
  platform: string;
  backend: string;
  version_policy: { specific: { versions: number[] } };
  max_batch_size: number;
  input: { name: string; data_type: string; dims: number[] }[];
  output: { name: string; data_type: string; dims: number[] }[];
}

export function modelConfig(
  model: string,
  kind: string,
  versions: number[],
  signature: Signature,
): ModelConfig {
  const tensors = (specs: TensorSpec[]) =>
    specs.map(({ name, datatype, shape }) => ({ name, data_type: typeNames[datatype], dims: shape }));
  return {
    name: model,
    platform: platform(kind),
    backend: 'slipway',
    version_policy: { specific: { versions } },
    max_batch_size: 0,
    input: tensors(signature.inputs),
    output: tensors(signature.outputs),
  };
}

/** What metadata and configuration call a kind. */
export function platform(kind: string): string {
  return `slipway_${kind}`;
}

/** Of Triton's DataType enumeration. */
const typeNames: Record<Datatype, string> = {
  BOOL: 'TYPE_BOOL',
  UINT8: 'TYPE_UINT8',
  UINT16: 'TYPE_UINT16',
  UINT32: 'TYPE_UINT32',
  UINT64: 'TYPE_UINT64',
  INT8: 'TYPE_INT8',
  INT16: 'TYPE_INT16',
  INT32: 'TYPE_INT32',
  INT64: 'TYPE_INT64',
  FP16: 'TYPE_FP16',
  FP32: 'TYPE_FP32',
  FP64: 'TYPE_FP64',
  BYTES: 'TYPE_STRING',
};
