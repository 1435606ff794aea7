import type { Signature, TensorSpec } from '../signature.ts';
import { platform } from './model-config.ts';

/** What the protocol's clients ask before they infer: the same over REST and gRPC. */

export interface ServerMetadata {
  name: string;
  version: string;
  extensions: string[];
}

interface TensorMetadata {
  name: string;
  datatype: string;
  shape: number[];
}

export interface ModelMetadata {
  name: string;
  versions: string[];
  platform: string;
  inputs: TensorMetadata[];
  outputs: TensorMetadata[];
}

/** Of Triton's extensions, those that Slipway speaks. */
const extensions = [
  'binary_tensor_data',
  'classification',
  'model_configuration',
  'model_repository',
  'model_repository(unload_dependents)',
  'parameters',
  'schedule_policy',
  'statistics',
];

export function serverMetadata(version: string): ServerMetadata {
  return { name: 'slipway', version, extensions };
}

export function modelMetadata(
  model: string,
  kind: string,
  versions: number[],
  signature: Signature,
): ModelMetadata {
  const tensors = (specs: TensorSpec[]) =>
    specs.map(({ name, datatype, shape }) => ({ name, datatype, shape }));
  return {
    name: model,
    versions: versions.map(String),
    platform: platform(kind),
    inputs: tensors(signature.inputs),
    outputs: tensors(signature.outputs),
  };
}
