import type { ServerDuplexStream } from '@grpc/grpc-js';
import type { SlipwayError } from '../errors.ts';
import type { Admission } from '../lane/admission.ts';
import { type ModelInferRequest, modelInferRequest } from '../oip/infer-message.ts';
import { answeredOne } from './arriving.ts';
import { decoded } from './received.ts';
import type { CallTrace } from './span.ts';
import { statusOf } from './status.ts';
import type { Call } from './waiting.ts';

/** Answers one message as its method says it, or as the bytes of that; throws, or tells `send`, what is wrong. */
export type Ask = (
  message: ModelInferRequest,
  call: Call,
  trace: CallTrace,
  cacheStatus: (status: string) => void,
  send: (response: object | null, error: SlipwayError | null) => void,
) => void;

/** Of a request that came on a stream; null: not there yet. */
interface Answer {
  response: object | null;
}

const noStatus = (): void => {};

/**
 * One answer a request, in the order of the requests, as Triton's: clients that give no ids go by it. An error is an
 * answer too, and the stream goes on. Where a call by itself is refused, a stream is not read on until there is room: its
 * flow control tells the client.
 * https://github.com/triton-inference-server/server/blob/main/src/grpc/stream_infer_handler.cc
 */
export function streamInfer(
  call: ServerDuplexStream<Buffer, object>,
  admission: Admission,
  ask: Ask,
  begin: () => CallTrace,
): void {
  let ended = false;
  /** The oldest first. */
  const due: Answer[] = [];
  /** Read already, though there was no room. */
  const held: [bytes: Buffer, answer: Answer][] = [];
  const write = (response: object): void => {
    answeredOne(call);
    if (!call.cancelled && !call.write(response)) {
      // A client that does not read is not asked for more.
      call.pause();
      call.once('drain', read);
    }
  };
  const endIfDone = (): void => {
    if (ended && due.length === 0) call.end();
  };
  const answered = (answer: Answer, response: object): void => {
    answer.response = response;
    while (due[0]?.response) write(due.shift()!.response!);
    endIfDone();
  };
  const work = (bytes: Buffer, answer: Answer): void => {
    let id: string | null = null;
    const trace = begin();
    // As Triton does: the request whose answer failed is named by its id.
    const failed = (thrown: unknown): void => {
      trace.end(thrown);
      const response = id === null ? {} : { infer_response: { id } };
      answered(answer, { error_message: statusOf(thrown).details, ...response });
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
        answered(answer, response!);
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
      work(...held.shift()!);
    }
    call.resume();
  };
  call.on('data', (bytes: Buffer) => {
    const answer: Answer = { response: null };
    due.push(answer);
    if (held.length === 0 && admission.begins(performance.now())) work(bytes, answer);
    else if (held.push([bytes, answer]) === 1) {
      call.pause();
      setImmediate(read);
    }
  });
  call.on('end', () => {
    ended = true;
    endIfDone();
  });
}
