import { Agent, request } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';
import { SlipwayError } from '../../errors.ts';

/** Tries of one step while processes are being replaced, and the pause between them, ms. */
const tries = 400;
const pauseMs = 50;

/** One caller with one connection, one request at a time; tries a step again while its lane is being replaced. */
export class Caller {
  readonly #url: URL;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 1 });

  constructor(dataPlane: string) {
    this.#url = new URL(dataPlane);
  }

  /** Time of the last answered request, ms. */
  lastMs = 0;

  /** Throws what `signal` was aborted with, SERVER_UNREACHABLE after many tries, and the server’s refusal at once. */
  async post<T>(path: string, body: string, signal: AbortSignal): Promise<T> {
    signal.throwIfAborted();
    for (let attempt = 1; ; attempt++) {
      try {
        const started = performance.now();
        const { status, text } = await this.#send(path, body);
        this.lastMs = performance.now() - started;
        if (status < 300) return JSON.parse(text) as T;
        if (status < 500) throw new SlipwayError('INTERNAL', `${path} answered ${status}: ${text}`);
      } catch (error) {
        if (error instanceof SlipwayError) throw error;
      }
      if (attempt >= tries)
        throw new SlipwayError('SERVER_UNREACHABLE', `${path} was not answered in ${tries} tries.`);
      await pause(pauseMs, undefined, { signal });
    }
  }

  close(): void {
    this.#agent.destroy();
  }

  #send(path: string, body: string): Promise<{ status: number; text: string }> {
    return new Promise((resolve, reject) => {
      const outgoing = request(
        {
          host: this.#url.hostname,
          port: this.#url.port,
          path,
          method: 'POST',
          agent: this.#agent,
          headers: { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) },
        },
        (response) => {
          let text = '';
          response.setEncoding('utf8');
          response.on('data', (chunk: string) => {
            text += chunk;
          });
          response.on('error', reject);
          response.on('end', () => resolve({ status: response.statusCode ?? 0, text }));
        },
      );
      outgoing.on('error', reject);
      outgoing.end(body);
    });
  }
}
