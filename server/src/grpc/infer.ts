import {
  Metadata,
  type Server,
  type ServerDuplexStream,
  type ServerUnaryCall,
  type sendUnaryData,
} from '@grpc/grpc-js';
import type { Actor } from '../actor.ts';
import { versionNamed } from '../lane/catalog.ts';
import type { DataPlane } from '../lane/data-plane.ts';
import { infer } from '../lane/infer.ts';
import type { Tracer } from '../lane/tracer.ts';
import {
  inferResponse,
  type ModelInferResponse,
  modelInferRequest,
  modelInferResponse,
  modelStreamInferResponse,
  readInferMessage,
} from '../oip/infer-message.ts';
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
  const ask: Ask = (message, call, trace, cacheStatus, send) => {
    const { metadata } = call;
    const request = readInferMessage(message);
    for (const field of callerFields) {
      const [value] = metadata.get(field);
      if (value !== undefined) request.parameters[field] ??= String(value);
    }
    infer(
      plane,
      message.model_name,
      versionNamed(message.model_version),
      request,
      waitingOf(call, trace),
      (inferred, status) => {
        if (status !== null) cacheStatus(status);
        return inferResponse(request, inferred);
      },
      send,
    );
  };
  server.register(
    `/${service}/ModelInfer`,
    (call: ServerUnaryCall<Buffer, ModelInferResponse>, done: sendUnaryData<ModelInferResponse>) => {
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
        ask(message, call, trace, cacheStatus, (response, error) => {
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
    modelInferResponse.encode,
    asTheyCame,
    'unary',
  );
  server.register(
    `/${service}/ModelStreamInfer`,
    (call: ServerDuplexStream<Buffer, object>) => {
      try {
        authorise(call.metadata);
        const begin = (): CallTrace => traceCall(tracer, `${service}/ModelStreamInfer`, call.metadata);
        streamInfer(call, plane.admission, ask, begin);
      } catch (thrown) {
        call.emit('error', statusOf(thrown));
      }
    },
    modelStreamInferResponse.encode,
    asTheyCame,
    'bidi',
  );
}

/** Messages are read when the work on them begins: to refuse one costs no more than its bytes. */
const asTheyCame = (bytes: Buffer): Buffer => bytes;
