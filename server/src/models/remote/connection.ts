import { Pool } from 'undici';
import type { RemoteSettings } from './settings.ts';

export interface UpstreamAnswer {
  status: number;
  body: Buffer;
}

/** An answer that is longer than was allowed. */
export class AnswerTooLong extends Error {}

/**
 * Kept-alive connections to one upstream, at most as many as requests may be made at once. Follows no redirects and
 * asks for no compression: what is read is bounded by `mostBytes`.
 */
export class Connection {
  readonly #pool: Pool;
  readonly #base: string;

  constructor({ url, concurrency, connectMs }: RemoteSettings) {
    const { origin, pathname } = new URL(url);
    this.#base = pathname.replace(/\/+$/, '');
    this.#pool = new Pool(origin, {
      connections: concurrency,
      connect: { timeout: connectMs },
      // The caller's signal bounds the whole.
      headersTimeout: 0,
      bodyTimeout: 0,
    });
  }

  /** Rejects with the connection's error, the signal's reason, or AnswerTooLong. */
  async send(
    path: string,
    body: string | null,
    headers: Record<string, string>,
    signal: AbortSignal,
    mostBytes: number,
  ): Promise<UpstreamAnswer> {
    const answer = await this.#pool.request({
      method: body === null ? 'GET' : 'POST',
      path: `${this.#base}${path}`,
      headers: body === null ? headers : { ...headers, 'content-type': 'application/json' },
      body,
      signal,
    });
    const chunks: Buffer[] = [];
    let size = 0;
    // Leaving the loop closes the connection: the rest is not read.
    for await (const chunk of answer.body as AsyncIterable<Buffer>) {
      size += chunk.length;
      if (size > mostBytes) throw new AnswerTooLong(`an answer of more than ${mostBytes} bytes`);
      chunks.push(chunk);
    }
    return { status: answer.statusCode, body: Buffer.concat(chunks) };
  }

  /** What is still waited for is cut off. */
  close(): Promise<void> {
    return this.#pool.destroy();
  }
}
