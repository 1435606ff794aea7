import type { Batching, Serving } from '../serving.ts';
import type { Datatype, Signature, TensorSpec } from '../signature.ts';

/**
 * A version as Triton's model configuration describes one. Where requests are merged, `max_batch_size` is the rows of a
 * call, and tensors are described without their first dimension; else it is 0, and that dimension is written out.
 * https://github.com/triton-inference-server/server/blob/main/docs/protocol/extension_model_configuration.md
 */
export interface ModelConfig {
  name: string;
  platform: string;
  backend: string;
  version_policy: { specific: { versions: number[] } };
  max_batch_size: number;
  /** `format`: what Triton says where nothing is said of an image's. */
  input: { name: string; data_type: string; format: 'FORMAT_NONE'; dims: number[] }[];
  output: { name: string; data_type: string; dims: number[] }[];
  dynamic_batching?: {
    preferred_batch_size: number[];
    max_queue_delay_microseconds: number;
    preserve_ordering: boolean;
    priority_levels: number;
    default_priority_level: number;
    default_queue_policy: {
      timeout_action: 'REJECT';
      default_timeout_microseconds: number;
      allow_timeout_override: boolean;
    };
  };
  response_cache: { enable: boolean };
}

export function modelConfig(
  model: string,
  kind: string,
  versions: number[],
  signature: Signature,
  { batching, cacheBytes }: Serving,
): ModelConfig {
  const tensors = (specs: TensorSpec[]) =>
    specs.map(({ name, datatype, shape }) => ({
      name,
      data_type: typeNames[datatype],
      dims: batching ? shape.slice(1) : shape,
    }));
  return {
    name: model,
    platform: platform(kind),
    backend: 'slipway',
    version_policy: { specific: { versions } },
    max_batch_size: batching?.maxSize ?? 0,
    input: tensors(signature.inputs).map((spec) => ({ ...spec, format: 'FORMAT_NONE' })),
    output: tensors(signature.outputs),
    ...(batching ? { dynamic_batching: dynamicBatching(batching) } : {}),
    response_cache: { enable: cacheBytes > 0 },
  };
}

function dynamicBatching(batching: Batching): NonNullable<ModelConfig['dynamic_batching']> {
  return {
    preferred_batch_size: batching.preferredSizes,
    max_queue_delay_microseconds: Math.round(batching.maxDelayMs * 1000),
    preserve_ordering: false,
    priority_levels: batching.priorityLevels,
    default_priority_level: batching.defaultPriority,
    default_queue_policy: {
      timeout_action: 'REJECT',
      default_timeout_microseconds: Math.round((batching.queueTimeoutMs ?? 0) * 1000),
      allow_timeout_override: true,
    },
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
