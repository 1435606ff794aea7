import {
  Metadata,
  type Server,
  type ServerDuplexStream,
  type ServerUnaryCall,
  type sendUnaryData,
} from '@grpc/grpc-js';
import type { Actor } from '../actor.ts';
import type { SlipwayError } from '../errors.ts';
import type { Admission } from '../lane/admission.ts';
import { versionNamed } from '../lane/catalog.ts';
import type { DataPlane } from '../lane/data-plane.ts';
import { infer } from '../lane/infer.ts';
import type { Tracer } from '../lane/tracer.ts';
import {
  inferResponse,
  type ModelInferRequest,
  type ModelInferResponse,
  modelInferRequest,
  modelInferResponse,
  modelStreamInferResponse,
  readInferMessage,
} from '../oip/infer-message.ts';
import { answeredOne } from './arriving.ts';
import { decoded } from './received.ts';
import { type CallTrace, sayTrace, traceCall } from './span.ts';
import { statusOf } from './status.ts';
import { type Call, waitingOf } from './waiting.ts';

/** Answers one message; throws, or tells `send`, what is wrong. */
type Ask = (
  message: ModelInferRequest,
  call: Call,
  trace: CallTrace,
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
      (inferred) => {
        if (inferred.cacheStatus !== null) cacheStatus(inferred.cacheStatus);
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
        stream(call, plane.admission, ask, begin);
      } catch (thrown) {
        call.emit('error', statusOf(thrown));
      }
    },
    modelStreamInferResponse.encode,
    asTheyCame,
    'bidi',
  );
}

const noStatus = (): void => {};

/** Messages are read when the work on them begins: to refuse one costs no more than its bytes. */
const asTheyCame = (bytes: Buffer): Buffer => bytes;

/**
 * One answer a request, each as soon as it is there; an error is an answer too, and the stream goes on. Where a call by
 * itself is refused, a stream is not read on until there is room: its flow control tells the client.
 */
function stream(
  call: ServerDuplexStream<Buffer, object>,
  admission: Admission,
  ask: Ask,
  begin: () => CallTrace,
): void {
  let waiting = 0;
  let ended = false;
  /** Read already, though there was no room. */
  const held: Buffer[] = [];
  const answered = (response: object): void => {
    waiting--;
    answeredOne(call);
    if (!call.cancelled && !call.write(response)) {
      // A client that does not read is not asked for more.
      call.pause();
      call.once('drain', read);
    }
    if (ended && waiting === 0) call.end();
  };
  const answer = (bytes: Buffer): void => {
    let id: string | null = null;
    const trace = begin();
    // As Triton does: the request whose answer failed is named by its id.
    const failed = (thrown: unknown): void => {
      trace.end(thrown);
      const response = id === null ? {} : { infer_response: { id } };
      answered({ error_message: statusOf(thrown).details, ...response });
    };
    try {
      const message = decoded(modelInferRequest.decode, bytes);
      ({ id } = message);
      // A stream has one head for all its answers, which says nothing of any of them.
      ask(message, call, trace, noStatus, (response, error) => {
        if (error) {
          failed(error);
          return;
        }
        trace.end(null);
        answered({ infer_response: response! });
      });
    } catch (thrown) {
      failed(thrown);
    }
  };
  const read = (): void => {
    if (call.cancelled) return;
    while (held.length > 0) {
      if (!admission.begins(performance.now())) {
        setImmediate(read);
        return;
      }
      answer(held.shift()!);
    }
    call.resume();
  };
  call.on('data', (bytes: Buffer) => {
    waiting++;
    if (held.length === 0 && admission.begins(performance.now())) answer(bytes);
    else if (held.push(bytes) === 1) {
      call.pause();
      setImmediate(read);
    }
  });
  call.on('end', () => {
    ended = true;
    if (waiting === 0) call.end();
  });
}
