import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { errorBody, errorTable, SlipwayError } from '../errors.ts';
import { wholeAnswer } from './whole-answer.ts';

/** node:http has them, but neither its documentation nor its types do. */
interface AnsweredSocket extends Socket {
  /** Whose answer is the next on this connection. */
  _httpMessage?: ServerResponse<IncomingMessage> | null;
  /** `incoming`: whose head has been read last. */
  parser?: { incoming: IncomingMessage | null } | null;
}

/** `reason`: the parser's, in words. */
type UnreadError = NodeJS.ErrnoException & { reason?: string };

const refused = new WeakSet<Socket>();

/**
 * For "clientError": answers what node:http cannot read, or not in time, with a code and what to do: by itself it says
 * a status and nothing else, and says it before the answers that are still owed to the requests before. The connection
 * ends.
 */
export function refuseUnread(error: UnreadError, socket: AnsweredSocket): void {
  // Whatever else comes on it is as little to be read.
  if (refused.has(socket)) return;
  refused.add(socket);
  // It is the connection that has failed: where TLS was not agreed on, an answer would wait for it forever.
  if (!error.code?.startsWith('HPE_') && error.code !== 'ERR_HTTP_REQUEST_TIMEOUT') {
    socket.destroy();
    return;
  }
  const refuse = (): void => {
    const next = socket._httpMessage;
    if (next?.req.complete && !socket.destroyed) {
      next.once('close', refuse);
      return;
    }
    const isAnswered = next ? next.headersSent : socket.parser?.incoming?.complete === false;
    if (socket.writable && !isAnswered) socket.write(refusalOf(error));
    socket.destroySoon();
  };
  refuse();
}

function refusalOf({ code, reason, message }: UnreadError): string {
  const body = errorBody(errorOf(code, reason ?? message));
  const { status } = errorTable[body.code];
  const text = JSON.stringify({ error: body });
  const headers = {
    connection: 'close',
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(text),
  };
  return wholeAnswer(status, headers, text);
}

function errorOf(code: string | undefined, reason: string): SlipwayError {
  if (code === 'HPE_HEADER_OVERFLOW') {
    return new SlipwayError('HEAD_TOO_LARGE', 'The request’s head is larger than 16 kB.');
  }
  if (code === 'HPE_CHUNK_EXTENSIONS_OVERFLOW') {
    return new SlipwayError(
      'BODY_TOO_LARGE',
      'The extensions of its chunks are larger than 16 kB.',
      'Send none.',
    );
  }
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') {
    return new SlipwayError('REQUEST_TIMEOUT', 'The request did not come whole in time.');
  }
  return new SlipwayError(
    'INVALID_REQUEST',
    `It cannot be read as HTTP/1.1: ${reason}.`,
    'Check who sends it. TLS and gRPC have addresses of their own: `slipway serve` prints them.',
  );
}
