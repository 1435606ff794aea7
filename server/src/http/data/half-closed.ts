import type { Server } from 'node:http';
import type { Socket } from 'node:net';

/** Whoever closes its side so soon after asking has not lost patience, ms. */
const graceMs = 100;

/** node:http has it, but neither its documentation nor its types do. */
interface HalfOpenServer extends Server {
  httpAllowHalfOpen: boolean;
}

/** When a connection's caller has said something last, `performance.now()`: kept with it, so that nothing else of a request is. */
const heardAt = Symbol('heard at');

interface HeardSocket extends Socket {
  [heardAt]?: number;
}

/** A request's head, or all of it, is there. */
export function heard(socket: Socket): void {
  (socket as HeardSocket)[heardAt] = performance.now();
}

/**
 * A caller may close its side of the connection when it has asked (`nc -N`, shutdown(2)), and wait for its answer.
 * node:http by itself closes the other side at once, and what was not answered in that very turn is lost. But a caller
 * that has gone looks the same until it is written to. They are told apart by when they close: who has just asked is
 * answered; later it has lost patience, and nothing is begun on its behalf. Not with TLS, where node:tls closes both.
 */
export function answerHalfClosed(server: Server): void {
  (server as HalfOpenServer).httpAllowHalfOpen = true;
  server.on('connection', (socket: HeardSocket) => {
    socket.on('end', () => {
      const at = socket[heardAt];
      if (at === undefined || performance.now() - at > graceMs) socket.end();
    });
  });
}
