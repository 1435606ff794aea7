import type { OutgoingHttpHeaders } from 'node:http';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { SlipwayError } from '../../errors.ts';

/** Changes told together at most this often, ms. */
const gatherMs = 100;
/** A comment on silent streams, so that proxies keep them open and lost ones are noticed, ms. */
const aliveMs = 15_000;
const mostStreams = 200;
/** A reader that has so much unread is gone, or as good as gone, bytes. */
const mostUnread = 1024 * 1024;

/** Server-sent events: tells every listener which topics have changed, and nothing else. */
export class ChangeStream {
  readonly #replies = new Set<FastifyReply>();
  #topics = new Set<string>();
  #timer: NodeJS.Timeout | null = null;
  #closed = false;
  readonly #alive: NodeJS.Timeout;

  constructor() {
    this.#alive = setInterval(() => this.#send(': alive\n\n'), aliveMs);
    this.#alive.unref();
  }

  changed(topics: string[]): void {
    for (const topic of topics) this.#topics.add(topic);
    this.#timer ??= setTimeout(() => {
      this.#timer = null;
      this.#send(`data: ${JSON.stringify({ topics: [...this.#topics], at: Date.now() })}\n\n`);
      this.#topics.clear();
    }, gatherMs);
  }

  listen(request: FastifyRequest, reply: FastifyReply): void {
    if (this.#replies.size >= mostStreams || this.#closed) {
      reply.header('retry-after', '5');
      throw new SlipwayError(
        'TIMEOUT',
        'No more readers can listen now.',
        'Close some consoles and try again.',
      );
    }
    reply.hijack();
    reply.raw.writeHead(200, {
      ...(reply.getHeaders() as OutgoingHttpHeaders),
      'content-type': 'text/event-stream',
      'cache-control': 'no-store',
      'x-accel-buffering': 'no',
      connection: 'keep-alive',
    });
    reply.raw.write('retry: 500\n\n');
    this.#replies.add(reply);
    request.raw.on('close', () => this.#replies.delete(reply));
  }

  close(): void {
    this.#closed = true;
    clearInterval(this.#alive);
    if (this.#timer) clearTimeout(this.#timer);
    for (const reply of this.#replies) reply.raw.end();
  }

  #send(text: string): void {
    for (const { raw } of this.#replies) {
      if (raw.writableLength > mostUnread) raw.destroy();
      else raw.write(text);
    }
  }
}
