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

/** To a request that came on a stream: says it. null: it is not there yet. */
interface Answer {
  say: (() => void) | null;
}

const noStatus = (): void => {};

/**
 * One answer a request, in the order of the requests, as Triton's: clients that give no ids go by it. An error is an
 * answer too, and the stream goes on, unless its caller asks for the stream to end with the error's status (metadata
 * `triton_grpc_error`). Where a call by itself is refused, a stream is not read on until there is room: its
 * flow control tells the client.
 * https://github.com/triton-inference-server/server/blob/main/src/grpc/stream_infer_handler.cc
 */
export function streamInfer(
  call: ServerDuplexStream<Buffer, object>,
  admission: Admission,
  ask: Ask,
  begin: () => CallTrace,
): void {
  const endsWithError = call.metadata.get('triton_grpc_error')[0] === 'true';
  let ended = false;
  let failed = false;
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
  const fail = (thrown: unknown): void => {
    failed = true;
    call.emit('error', statusOf(thrown));
  };
  const endIfDone = (): void => {
    if (ended && due.length === 0) call.end();
  };
  const answered = (answer: Answer, say: () => void): void => {
    answer.say = say;
    while (due[0]?.say && !failed) due.shift()!.say!();
    if (!failed) endIfDone();
  };
  const work = (bytes: Buffer, answer: Answer): void => {
    let id: string | null = null;
    const trace = begin();
    // As Triton does: the request whose answer failed is named by its id.
    const refuse = (thrown: unknown): void => {
      trace.end(thrown);
      const response = id === null ? {} : { infer_response: { id } };
      answered(answer, () => {
        if (endsWithError) fail(thrown);
        else write({ error_message: statusOf(thrown).details, ...response });
      });
    };
    try {
      const message = decoded(modelInferRequest.decode, bytes);
      ({ id } = message);
      // A stream has one head for all its answers, which says nothing of any of them.
      ask(message, call, trace, noStatus, (response, error) => {
        if (error) {
          refuse(error);
          return;
        }
        trace.end(null);
        answered(answer, () => write(response!));
      });
    } catch (thrown) {
      refuse(thrown);
    }
  };
  const read = (): void => {
    if (call.cancelled || failed) return;
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
    if (failed) return;
    const answer: Answer = { say: null };
    due.push(answer);
    if (held.length === 0 && admission.begins(performance.now())) work(bytes, answer);
    else if (held.push([bytes, answer]) === 1) {
      call.pause();
      setImmediate(read);
    }
  });
  call.on('end', () => {
    ended = true;
    if (!failed) endIfDone();
  });
}
