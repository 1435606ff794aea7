import { inferredOf, readInfer } from '../../lane/infer.ts';
import type { InferRequest } from '../../oip/infer.ts';
import { rawInferRequest, readInferRequest, writeInferResponse } from '../../oip/infer-json.ts';
import type { Format } from './format.ts';

/** The Open Inference Protocol v2's tensors as JSON, with Triton's binary data behind it. */
export const tensors: Format<Pick<InferRequest, 'id' | 'parameters' | 'outputs'>> = {
  read(codec, bytes, jsonBytes, made) {
    const request =
      jsonBytes === 0
        ? rawInferRequest(bytes, codec.version.signature.inputs)
        : readInferRequest(bytes, jsonBytes, codec.exact);
    const { id, parameters, outputs } = request;
    // No more than is needed: what else a request says may be as long as its body.
    const rest = {
      id,
      parameters: { binary_data_output: parameters.binary_data_output === true },
      outputs:
        outputs?.map(({ name, parameters: { classification, binary_data } }) => ({
          name,
          parameters: {
            ...(classification === undefined ? {} : { classification: Number(classification) }),
            ...(binary_data === undefined ? {} : { binary_data: binary_data === true }),
          },
        })) ?? null,
    };
    return { ...readInfer(codec, request, made), rest };
  },

  write(codec, request, answered) {
    const { model, version, outputs, ids } = inferredOf(codec, request, answered);
    const { json, binary } = writeInferResponse(model, version, request, outputs, ids);
    if (binary.length === 0) return { body: json, jsonBytes: null };
    const head = Buffer.from(json);
    return { body: Buffer.concat([head, ...binary]), jsonBytes: head.length };
  },
};
