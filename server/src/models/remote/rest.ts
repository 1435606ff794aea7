import { Pool } from 'undici';
import { isObject, parseJson } from '../../json.ts';
import { readInferResponse, writeInferRequest } from '../../oip/infer-client.ts';
import type { GivenTensor } from '../../oip/tensors.ts';
import { shown } from '../../shown.ts';
import type { TensorSpec } from '../../signature.ts';
import type { Frame } from '../../tensor.ts';
import { answerTooLong, Failure, notConnected } from './failure.ts';
import type { Call, Message, Protocol } from './protocol.ts';
import type { RemoteProgram } from './settings.ts';

const jsonLengthHeader = 'inference-header-content-length';
/** How Envoy tells who stands behind it how long the caller waits; Slipway's data plane reads it. */
const timeoutHeader = 'x-envoy-expected-rq-timeout-ms';

interface Answer {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  body: Buffer;
}

/**
 * The protocol over HTTP/1.1: JSON, with tensors as bytes behind it where the upstream has that extension. Connections are
 * kept, at most as many as requests may be made at once. Follows no redirects and asks for no compression.
 */
export class Rest implements Protocol {
  readonly #pool: Pool;
  readonly #server: string;
  readonly #model: string;
  readonly #connectMs: number;
  readonly #binary: boolean;

  constructor({ url, model, version, concurrency, connectMs, binary }: RemoteProgram) {
    const { origin, pathname } = new URL(url);
    this.#server = `${pathname.replace(/\/+$/, '')}/v2`;
    const versions = version === null ? '' : `/versions/${encodeURIComponent(version)}`;
    this.#model = `${this.#server}/models/${encodeURIComponent(model)}${versions}`;
    this.#connectMs = connectMs;
    this.#binary = binary;
    this.#pool = new Pool(origin, {
      connections: concurrency,
      connect: { timeout: connectMs },
      // The call's signal bounds the whole.
      headersTimeout: 0,
      bodyTimeout: 0,
    });
  }

  async server(call: Call): Promise<unknown> {
    return (await this.#ask(this.#server, null, call)).value;
  }

  async metadata(call: Call): Promise<unknown> {
    return (await this.#ask(this.#model, null, call)).value;
  }

  write(inputs: TensorSpec[], frame: Frame, outputs: string[] | null): Message {
    const { json, binary } = writeInferRequest(inputs, frame, outputs, this.#binary);
    const head = Buffer.from(json);
    return this.#binary
      ? { bytes: Buffer.concat([head, ...binary]), jsonBytes: head.length }
      : { bytes: head, jsonBytes: null };
  }

  async infer(message: Message, call: Call): Promise<GivenTensor[]> {
    const { value, binary } = await this.#ask(`${this.#model}/infer`, message, call);
    return readInferResponse(value, binary);
  }

  close(): Promise<void> {
    return this.#pool.destroy();
  }

  async #ask(path: string, message: Message | null, call: Call): Promise<{ value: unknown; binary: Buffer }> {
    const { status, headers, body } = await this.#send(path, message, call);
    const length = headers[jsonLengthHeader];
    const end = length === undefined ? body.length : Number(length);
    let value: unknown;
    try {
      value = parseJson(body.subarray(0, end), true);
    } catch {
      value = undefined;
    }
    const said = isObject(value) && typeof value.error === 'string' ? `: ${shown(value.error)}` : '';
    if (status === 400 || status === 413 || status === 422)
      throw new Failure('refused', `Its upstream refused the rows (${status})${said}.`);
    if (status !== 200) {
      const kind = status === 503 ? 'lost' : status === 504 ? 'late' : 'failed';
      throw new Failure(kind, `Its upstream answered ${status}${said}.`);
    }
    if (value === undefined) throw new Failure('failed', 'Its upstream’s answer is not JSON.');
    return { value, binary: body.subarray(end) };
  }

  async #send(path: string, message: Message | null, call: Call): Promise<Answer> {
    const { signal, leftMs, mostBytes } = call;
    const headers: Record<string, string> = {
      ...call.headers,
      [timeoutHeader]: String(Math.max(1, Math.floor(leftMs))),
    };
    if (message) {
      headers['content-type'] = message.jsonBytes === null ? 'application/json' : 'application/octet-stream';
      if (message.jsonBytes !== null) headers[jsonLengthHeader] = String(message.jsonBytes);
    }
    try {
      const method = message ? 'POST' : 'GET';
      const body = message?.bytes ?? null;
      const answer = await this.#pool.request({ method, path, headers, body, signal });
      const chunks: Buffer[] = [];
      let size = 0;
      // Leaving the loop closes the connection: the rest is not read.
      for await (const chunk of answer.body as AsyncIterable<Buffer>) {
        size += chunk.length;
        if (size > mostBytes) throw answerTooLong(mostBytes);
        chunks.push(chunk);
      }
      return { status: answer.statusCode, headers: answer.headers, body: Buffer.concat(chunks) };
    } catch (error) {
      if (error instanceof Failure) throw error;
      if ((error as NodeJS.ErrnoException).code === 'UND_ERR_CONNECT_TIMEOUT')
        throw notConnected(this.#connectMs);
      throw new Failure('lost', `The connection to its upstream failed: ${reasonOf(error)}.`);
    }
  }
}

/** A connection that is tried at several addresses fails with an error for each. */
function reasonOf(error: unknown): string {
  const { code, errors, message } = error as NodeJS.ErrnoException & { errors?: unknown[] };
  return code ?? (errors?.[0] ? reasonOf(errors[0]) : message);
}
