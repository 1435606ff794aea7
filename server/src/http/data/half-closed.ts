import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import type { Exchange } from './exchange.ts';

/** Whoever closes its side so soon after asking has not lost patience, ms. */
const graceMs = 100;

/** node:http has it, but neither its documentation nor its types do. */
interface HalfOpenServer extends Server {
  httpAllowHalfOpen: boolean;
}

/**
 * A caller may close its side of the connection when it has asked (`nc -N`, shutdown(2)), and wait for its answer.
 * node:http by itself closes the other side at once, and what was not answered in that very turn is lost. But a caller
 * that has gone looks the same until it is written to. They are told apart by when they close: who has just asked is
 * answered; later it has lost patience, and nothing is begun on its behalf. Not with TLS, where node:tls closes both.
 */
export class HalfClosed {
  readonly #latest = new WeakMap<Socket, Exchange>();

  /** node:http has read a request's head: to be told of each. */
  came(exchange: Exchange): void {
    this.#latest.set(exchange.request.socket, exchange);
  }

  watch(server: Server): void {
    (server as HalfOpenServer).httpAllowHalfOpen = true;
    server.on('connection', (socket: Socket) => {
      socket.on('end', () => {
        const exchange = this.#latest.get(socket);
        if (!exchange || performance.now() - exchange.heard > graceMs) socket.end();
      });
    });
  }
}
