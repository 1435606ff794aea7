import {
  Metadata,
  type Server,
  type ServerDuplexStream,
  type ServerUnaryCall,
  type sendUnaryData,
} from '@grpc/grpc-js';
import type { SlipwayError } from '../errors.ts';
import { versionNamed } from '../lane/catalog.ts';
import type { DataPlane } from '../lane/data-plane.ts';
import { infer } from '../lane/infer.ts';
import {
  inferResponse,
  type ModelInferRequest,
  type ModelInferResponse,
  modelInferRequest,
  modelInferResponse,
  modelStreamInferResponse,
  readInferMessage,
} from './infer-message.ts';
import { type Received, readable, received } from './received.ts';
import { statusOf } from './status.ts';
import { type Call, waitingOf } from './waiting.ts';

/** Answers one message; throws, or tells `send`, what is wrong. */
type Ask = (
  message: Received<ModelInferRequest>,
  call: Call,
  cacheStatus: (status: string) => void,
  send: (response: ModelInferResponse | null, error: SlipwayError | null) => void,
) => void;

/** What a caller may say of a request in the call's metadata instead of in its parameters. */
const callerFields = ['subject', 'key', 'at'] as const;

/** ModelInfer and ModelStreamInfer. `authorise` throws UNAUTHORIZED. */
export function addInfer(
  server: Server,
  service: string,
  plane: DataPlane,
  authorise: (metadata: Metadata) => string,
): void {
  const ask: Ask = (given, call, cacheStatus, send) => {
    const { metadata } = call;
    authorise(metadata);
    const message = readable(given);
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
      waitingOf(call),
      (inferred) => {
        if (inferred.cacheStatus !== null) cacheStatus(inferred.cacheStatus);
        return inferResponse(request, inferred);
      },
      send,
    );
  };
  server.register(
    `/${service}/ModelInfer`,
    (
      call: ServerUnaryCall<Received<ModelInferRequest>, ModelInferResponse>,
      done: sendUnaryData<ModelInferResponse>,
    ) => {
      try {
        const cacheStatus = (status: string): void => {
          const metadata = new Metadata();
          metadata.set('cache-status', status);
          call.sendMetadata(metadata);
        };
        ask(call.request, call, cacheStatus, (response, error) => {
          if (error) done(statusOf(error));
          else done(null, response);
        });
      } catch (thrown) {
        done(statusOf(thrown));
      }
    },
    modelInferResponse.encode,
    received(modelInferRequest.decode),
    'unary',
  );
  server.register(
    `/${service}/ModelStreamInfer`,
    (call: ServerDuplexStream<Received<ModelInferRequest>, object>) => stream(call, ask),
    modelStreamInferResponse.encode,
    received(modelInferRequest.decode),
    'bidi',
  );
}

const noStatus = (): void => {};

/** One answer a request, each as soon as it is there; an error is an answer too, and the stream goes on. */
function stream(call: ServerDuplexStream<Received<ModelInferRequest>, object>, ask: Ask): void {
  let waiting = 0;
  let ended = false;
  const answered = (response: object): void => {
    waiting--;
    if (!call.cancelled && !call.write(response)) {
      // A client that does not read is not asked for more.
      call.pause();
      call.once('drain', () => call.resume());
    }
    if (ended && waiting === 0) call.end();
  };
  call.on('data', (message: Received<ModelInferRequest>) => {
    waiting++;
    // As Triton does: the request whose answer failed is named by its id.
    const failed = (thrown: unknown): void => {
      const response = 'id' in message ? { infer_response: { id: message.id } } : {};
      answered({ error_message: statusOf(thrown).details, ...response });
    };
    try {
      // A stream has one head for all its answers, which says nothing of any of them.
      ask(message, call, noStatus, (response, error) => {
        if (error) failed(error);
        else answered({ infer_response: response! });
      });
    } catch (thrown) {
      failed(thrown);
    }
  });
  call.on('end', () => {
    ended = true;
    if (waiting === 0) call.end();
  });
}
