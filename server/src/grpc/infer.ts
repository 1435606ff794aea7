import {
  Metadata,
  type Server,
  type ServerDuplexStream,
  type ServerUnaryCall,
  type sendUnaryData,
} from '@grpc/grpc-js';
import type { Actor } from '../actor.ts';
import { type Answered, isLongAnswer } from '../lane/answering.ts';
import { versionNamed } from '../lane/catalog.ts';
import type { DataPlane } from '../lane/data-plane.ts';
import { infer, inferredOf } from '../lane/infer.ts';
import type { MessageToWrite } from '../lane/infer-aside.ts';
import type { Tracer } from '../lane/tracer.ts';
import type { InferRequest } from '../oip/infer.ts';
import {
  inferResponse,
  modelInferRequest,
  modelInferResponse,
  modelStreamInferResponse,
  readInferMessage,
  streamResponse,
} from '../oip/infer-message.ts';
import type { Message } from '../oip/messages.ts';
import { decoded } from './received.ts';
import { type CallTrace, sayTrace, traceCall } from './span.ts';
import { statusOf } from './status.ts';
import { type Ask, streamInfer } from './stream-infer.ts';
import { waitingOf } from './waiting.ts';

/** What a caller may say of a request in the call's metadata instead of in its parameters. */
const callerFields = ['subject', 'key', 'at'] as const;

/** ModelInfer and ModelStreamInfer. `authorise` throws UNAUTHORIZED. */
export function addInfer(
  server: Server,
  service: string,
  plane: DataPlane,
  authorise: (metadata: Metadata) => Actor,
  tracer: Tracer | null,
): void {
  const asked =
    (isOfStream: boolean): Ask =>
    (message, call, trace, cacheStatus, send) => {
      const { metadata } = call;
      const request = readInferMessage(message);
      for (const field of callerFields) {
        const [value] = metadata.get(field);
        if (value !== undefined) request.parameters[field] ??= String(value);
      }
      const encode = (answered: Answered): object | Promise<object> => {
        if (answered.cacheStatus !== null) cacheStatus(answered.cacheStatus);
        if (isLongAnswer(answered.arm, answered.rows))
          return encodeAside(plane, request, isOfStream, answered);
        const response = inferResponse(request, inferredOf(answered.arm, request, answered));
        return isOfStream ? streamResponse(response) : response;
      };
      const version = versionNamed(message.model_version);
      infer(plane, message.model_name, version, request, waitingOf(call, trace), encode, send);
    };
  const askOne = asked(false);
  const askOfStream = asked(true);
  server.register(
    `/${service}/ModelInfer`,
    (call: ServerUnaryCall<Buffer, object>, done: sendUnaryData<object>) => {
      const trace = traceCall(tracer, `${service}/ModelInfer`, call.metadata);
      const fail = (thrown: unknown): void => {
        trace.end(thrown);
        const status = statusOf(thrown);
        done({ ...status, metadata: sayTrace(trace, status.metadata) });
      };
      try {
        if (!plane.admission.begins(performance.now())) throw plane.admission.refuses();
        authorise(call.metadata);
        const cacheStatus = (status: string): void => {
          const metadata = new Metadata();
          metadata.set('cache-status', status);
          call.sendMetadata(metadata);
        };
        const message = decoded(modelInferRequest.decode, call.request);
        askOne(message, call, trace, cacheStatus, (response, error) => {
          if (error) {
            fail(error);
            return;
          }
          trace.end(null);
          done(null, response, trace.span ? sayTrace(trace, new Metadata()) : undefined);
        });
      } catch (thrown) {
        fail(thrown);
      }
    },
    encodedBy(modelInferResponse),
    asTheyCame,
    'unary',
  );
  server.register(
    `/${service}/ModelStreamInfer`,
    (call: ServerDuplexStream<Buffer, object>) => {
      try {
        authorise(call.metadata);
        const begin = (): CallTrace => traceCall(tracer, `${service}/ModelStreamInfer`, call.metadata);
        streamInfer(call, plane.admission, askOfStream, begin);
      } catch (thrown) {
        call.emit('error', statusOf(thrown));
      }
    },
    encodedBy(modelStreamInferResponse),
    asTheyCame,
    'bidi',
  );
}

/** Messages are read when the work on them begins: to refuse one costs no more than its bytes. */
const asTheyCame = (bytes: Buffer): Buffer => bytes;

/** Answers that the side thread has made are bytes already. */
function encodedBy<T extends object>({ encode }: Message<T>): (response: object) => Buffer {
  return (response) =>
    response instanceof Uint8Array
      ? Buffer.from(response.buffer, response.byteOffset, response.length)
      : encode(response as T);
}

function encodeAside(
  { side }: DataPlane,
  { id, outputs }: InferRequest,
  isOfStream: boolean,
  answered: Answered,
): Promise<Uint8Array> {
  const { arm, rows, texts } = answered;
  const answers = answered.answers.slice();
  const given: MessageToWrite = {
    request: { id, outputs },
    isOfStream,
    answered: { id: answered.id, rows, answers, texts: texts.slice() },
  };
  return side.finish('message', arm, given, [answers.buffer]);
}
