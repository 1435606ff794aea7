import type { TensorSpec } from '../signature.ts';
import type { Frame } from '../tensor.ts';
import { modelInferRequest, readTensor, type TensorMessage } from './infer-message.ts';
import { packInput } from './input-bytes.ts';
import { plainMessage } from './messages.ts';
import { sized } from './open-rows.ts';
import type { GivenTensor } from './tensors.ts';

/** The caller's side of the Open Inference Protocol v2's inference over gRPC (spec/proto/grpc_service.proto). */

const response = plainMessage<{ outputs: TensorMessage[]; raw_output_contents: Uint8Array[] }>(
  'inference.ModelInferResponse',
);

/** A frame's rows as a message of raw tensors; `outputs`: which are wanted (null: all). Throws FEATURE_MISTYPED. */
export function writeInferMessage(
  model: string,
  version: string | null,
  inputs: TensorSpec[],
  frame: Frame,
  outputs: string[] | null,
): Buffer {
  const tensors = inputs.map((spec) => sized(spec, frame));
  return modelInferRequest.encode({
    model_name: model,
    model_version: version ?? '',
    id: '',
    parameters: {},
    inputs: tensors.map(({ spec: { name, datatype, shape } }) => ({
      name,
      datatype,
      shape: [frame.rows, ...shape.slice(1)],
      parameters: {},
      contents: null,
    })),
    outputs: (outputs ?? []).map((name) => ({ name, parameters: {} })),
    raw_input_contents: tensors.map(({ spec, frame: own }) => packInput(spec, own)),
  });
}

/** Throws what is not as the protocol has it. */
export function readInferMessageResponse(bytes: Uint8Array): GivenTensor[] {
  const { outputs, raw_output_contents: raw } = response.decode(bytes);
  if (raw.length > 0 && raw.length !== outputs.length)
    throw new Error(`${raw.length} raw_output_contents came for ${outputs.length} outputs.`);
  return outputs.map((output, i) => readTensor(output, raw[i] ?? null));
}
