import type { Metadata, Server, ServerUnaryCall, sendUnaryData } from '@grpc/grpc-js';
import { message } from '../oip/messages.ts';
import { type Received, readable, received } from './received.ts';
import { statusOf } from './status.ts';

/**
 * Adds a method that answers one message with one other, named as all of them are: NameRequest, NameResponse.
 * Whatever `answer` throws becomes the call's status.
 */
export function unary<In extends object>(
  server: Server,
  service: string,
  name: string,
  answer: (request: In, metadata: Metadata) => object | Promise<object>,
): void {
  const prefix = service.slice(0, service.lastIndexOf('.'));
  const request = message<In>(`${prefix}.${name}Request`);
  const response = message(`${prefix}.${name}Response`);
  const handle = async (
    call: ServerUnaryCall<Received<In>, object>,
    done: sendUnaryData<object>,
  ): Promise<void> => {
    try {
      done(null, await answer(readable(call.request), call.metadata));
    } catch (thrown) {
      done(statusOf(thrown));
    }
  };
  server.register(`/${service}/${name}`, handle, response.encode, received(request.decode), 'unary');
}
