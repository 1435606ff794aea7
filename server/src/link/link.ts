import { chmodSync, mkdirSync, rmSync } from 'node:fs';
import { createConnection, createServer, type Server, type Socket } from 'node:net';
import { dirname } from 'node:path';
import { deserialize, serialize } from 'node:v8';

/** Larger messages are a fault of the sender: the link is closed rather than its memory grown. */
const messageLimit = 256 * 1024 * 1024;

/**
 * Messages between two of Slipway's processes over a Unix socket: 4 bytes of length, then the message in
 * V8's serialization (typed arrays as they are, no polling, no JSON).
 */
export class Link<In, Out> {
  onMessage: (message: In) => void = () => {};
  onClose: () => void = () => {};
  readonly #socket: Socket;
  /** What has come of a message that is not whole yet, and its bytes. */
  #parts: Buffer[] = [];
  #held = 0;
  /** Before so many bytes are there nothing can be read of them. */
  #needed = 4;

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('data', (chunk: Buffer) => this.#read(chunk));
    // An error is followed by close, which is where the owner reacts.
    socket.on('error', () => {});
    socket.on('close', () => this.onClose());
  }

  send(message: Out): void {
    if (this.#socket.destroyed) return;
    const body = serialize(message);
    const framed = Buffer.allocUnsafe(4 + body.length);
    framed.writeUInt32LE(body.length, 0);
    body.copy(framed, 4);
    this.#socket.write(framed);
  }

  close(): void {
    this.#socket.destroy();
  }

  /** Whether the event loop may end while this link is open. */
  unref(): void {
    this.#socket.unref();
  }

  #read(chunk: Buffer): void {
    this.#parts.push(chunk);
    this.#held += chunk.length;
    if (this.#held < this.#needed) return;
    let data = this.#parts.length === 1 ? chunk : Buffer.concat(this.#parts, this.#held);
    this.#needed = 4;
    while (data.length >= 4) {
      const length = data.readUInt32LE(0);
      if (length > messageLimit) {
        this.#socket.destroy();
        return;
      }
      if (data.length < 4 + length) {
        this.#needed = 4 + length;
        break;
      }
      // A copy: deserialized typed arrays must not pin, or share, the socket's pooled buffer.
      const message = deserialize(Buffer.from(data.subarray(4, 4 + length))) as In;
      data = data.subarray(4 + length);
      this.onMessage(message);
    }
    this.#parts = data.length === 0 ? [] : [data];
    this.#held = data.length;
  }
}

/** Listens for the other processes; the folder of the socket is the owner's alone. */
export function listen<In, Out>(path: string, onLink: (link: Link<In, Out>) => void): Promise<Server> {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  chmodSync(dirname(path), 0o700);
  rmSync(path, { force: true });
  const server = createServer((socket) => onLink(new Link<In, Out>(socket)));
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(path, () => resolve(server));
  });
}

/** Pause before the next try to reach a process that is being replaced, ms. */
const retryMs = 25;

/**
 * Keeps a link to a process that may come and go: calls `onLink` with every new one. Returns the end of it.
 */
export function keepConnected<In, Out>(
  path: string,
  onLink: (link: Link<In, Out>) => void,
  onLost: () => void = () => {},
): () => void {
  let ended = false;
  let socket: Socket | null = null;
  let timer: NodeJS.Timeout | null = null;
  const attempt = (): void => {
    timer = null;
    const candidate = createConnection(path);
    socket = candidate;
    candidate.once('connect', () => onLink(new Link<In, Out>(candidate)));
    // An error (nobody listens yet, a reset) is always followed by close.
    candidate.on('error', () => {});
    candidate.once('close', () => {
      onLost();
      if (!ended) timer = setTimeout(attempt, retryMs);
    });
  };
  attempt();
  return () => {
    ended = true;
    if (timer) clearTimeout(timer);
    socket?.destroy();
  };
}
