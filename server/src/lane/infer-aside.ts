import type { InferRequest } from '../oip/infer.ts';
import {
  inferResponse,
  modelInferResponse,
  modelStreamInferResponse,
  streamResponse,
} from '../oip/infer-message.ts';
import { newFrame } from '../tensor.ts';
import type { Answered } from './answering.ts';
import type { Codec } from './codec.ts';
import { buffersOf, inferredOf, readInfer, type TensorsRead } from './infer.ts';
import type { Made } from './side-work.ts';

/** What the side thread does for messages of the Open Inference Protocol: tensors of many bytes into a frame. */
export function tensorsAside(codec: Codec, request: InferRequest): Made<TensorsRead> {
  const { features } = codec.version.signature;
  const read = readInfer(codec, request, (rows) => newFrame(rows, features.length));
  const { inputs } = request;
  const { buffer } = read.frame.values as Float64Array<ArrayBuffer>;
  return { output: { read, inputs }, transfer: [buffer, ...buffersOf(inputs)] };
}

/** An answer of many rows to be said as a ModelInferResponse, or as a stream's. */
export interface MessageToWrite {
  request: Pick<InferRequest, 'id' | 'outputs'>;
  isOfStream: boolean;
  answered: Pick<Answered, 'id' | 'answers' | 'texts' | 'rows'>;
}

export function messageAside(
  codec: Codec,
  { request, isOfStream, answered }: MessageToWrite,
): Made<Uint8Array> {
  const response = inferResponse(request, inferredOf(codec, request, answered));
  const encoded = isOfStream
    ? modelStreamInferResponse.encode(streamResponse(response))
    : modelInferResponse.encode(response);
  // The writer's buffer may be a part of a larger one.
  const bytes = new Uint8Array(encoded);
  return { output: bytes, transfer: [bytes.buffer] };
}
