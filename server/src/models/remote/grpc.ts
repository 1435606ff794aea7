import { isIP } from 'node:net';
import { checkServerIdentity, createSecureContext } from 'node:tls';
import {
  type ChannelCredentials,
  type ChannelOptions,
  Client,
  connectivityState,
  credentials,
  Metadata,
  type ServiceError,
  status,
} from '@grpc/grpc-js';
import { readInferMessageResponse, writeInferMessage } from '../../oip/infer-client-message.ts';
import type { Long } from '../../oip/infer-message.ts';
import { message } from '../../oip/messages.ts';
import type { GivenTensor } from '../../oip/tensors.ts';
import { shown } from '../../shown.ts';
import type { TensorSpec } from '../../signature.ts';
import type { Frame } from '../../tensor.ts';
import { answerTooLong, Failure, type FailureKind, notConnected } from './failure.ts';
import { type Call, type Message, mostAnswerBytes, type Protocol } from './protocol.ts';
import type { RemoteSettings } from './settings.ts';

const service = '/inference.GRPCInferenceService';

interface TensorMetadata {
  name: string;
  datatype: string;
  shape: (Long | number)[];
}

const serverMetadata = {
  request: message('inference.ServerMetadataRequest'),
  response: message<{ name: string; version: string; extensions: string[] }>(
    'inference.ServerMetadataResponse',
  ),
};
const modelMetadata = {
  request: message('inference.ModelMetadataRequest'),
  response: message<{ name: string; versions: string[]; platform: string; inputs: TensorMetadata[] }>(
    'inference.ModelMetadataResponse',
  ),
};

/**
 * Wrong rows, or too many of them at once: servers bound a message to 4 MB unless they are told otherwise. All other
 * statuses, and those that a connection ends with, are failures.
 */
const refused: readonly status[] = [status.INVALID_ARGUMENT, status.OUT_OF_RANGE, status.RESOURCE_EXHAUSTED];

/** The protocol over gRPC: one connection, kept, for all requests; tensors as raw bytes. */
export class Grpc implements Protocol {
  readonly #client: Client;
  readonly #model: string;
  readonly #version: string | null;
  readonly #connectMs: number;
  readonly #closed = new AbortController();

  constructor({ url, model, version, connectMs }: RemoteSettings) {
    const { protocol, host, hostname } = new URL(url);
    this.#model = model;
    this.#version = version;
    this.#connectMs = connectMs;
    const secure = protocol === 'grpcs:' ? encryption(hostname) : null;
    this.#client = new Client(`dns:${host}`, secure?.credentials ?? credentials.createInsecure(), {
      ...secure?.options,
      'grpc.primary_user_agent': 'slipway',
      'grpc.max_receive_message_length': mostAnswerBytes,
      'grpc.max_send_message_length': -1,
      // Retries, and how long an upstream is left alone, are the circuit's and the budget's.
      'grpc.enable_retries': 0,
      'grpc.initial_reconnect_backoff_ms': 100,
      'grpc.max_reconnect_backoff_ms': 1000,
      'grpc.use_local_subchannel_pool': 1,
      'grpc.enable_http_proxy': 0,
      'grpc.enable_channelz': 0,
    });
  }

  async server(call: Call): Promise<unknown> {
    return serverMetadata.response.decode(
      await this.#ask('ServerMetadata', serverMetadata.request.encode({}), call),
    );
  }

  async metadata(call: Call): Promise<unknown> {
    const asked = modelMetadata.request.encode({ name: this.#model, version: this.#version ?? '' });
    const answer = modelMetadata.response.decode(await this.#ask('ModelMetadata', asked, call));
    const inputs = answer.inputs.map((input) => ({ ...input, shape: input.shape.map(Number) }));
    return { platform: answer.platform, versions: answer.versions, inputs };
  }

  write(inputs: TensorSpec[], frame: Frame, outputs: string[] | null): Message {
    return {
      bytes: writeInferMessage(this.#model, this.#version, inputs, frame, outputs),
      jsonBytes: null,
    };
  }

  async infer({ bytes }: Message, call: Call): Promise<GivenTensor[]> {
    return readInferMessageResponse(await this.#ask('ModelInfer', bytes, call));
  }

  close(): void {
    this.#closed.abort();
    this.#client.close();
  }

  async #ask(method: string, bytes: Uint8Array, call: Call): Promise<Buffer> {
    const { headers, leftMs, mostBytes } = call;
    const signal = AbortSignal.any([call.signal, this.#closed.signal]);
    const metadata = new Metadata();
    for (const [name, value] of Object.entries(headers)) metadata.set(name, value);
    await this.#connected(signal);
    const answer = await new Promise<Buffer>((resolve, reject) => {
      const cancel = (): void => asked.cancel();
      const asked = this.#client.makeUnaryRequest(
        `${service}/${method}`,
        (given: Uint8Array) => given as Buffer,
        (given: Buffer) => given,
        bytes,
        metadata,
        { deadline: Date.now() + leftMs },
        (error, value) => {
          signal.removeEventListener('abort', cancel);
          if (error) reject(failureOf(error));
          else resolve(value!);
        },
      );
      signal.addEventListener('abort', cancel);
    });
    if (answer.length > mostBytes) throw answerTooLong(mostBytes);
    return answer;
  }

  /** A call by itself would wait for the connection as long as for its answer. Why there is none the call says. */
  async #connected(signal: AbortSignal): Promise<void> {
    const channel = this.#client.getChannel();
    const until = Date.now() + this.#connectMs;
    for (;;) {
      const state = channel.getConnectivityState(true);
      if (state !== connectivityState.IDLE && state !== connectivityState.CONNECTING) return;
      await new Promise<void>((resolve, reject) => {
        const stop = (): void => reject(new Failure('late', 'Nobody waits for its upstream any more.'));
        signal.addEventListener('abort', stop);
        channel.watchConnectivityState(state, until, (error) => {
          signal.removeEventListener('abort', stop);
          if (error) reject(notConnected(this.#connectMs));
          else resolve();
        });
      });
    }
  }
}

/**
 * Who is trusted is what Node trusts, as for https, and not what gRPC has variables of its own for. TLS names no
 * addresses, but grpc-js would have it name one: so it names something else, and the certificate is held against the
 * address.
 */
function encryption(hostname: string): { credentials: ChannelCredentials; options: ChannelOptions } {
  const address = hostname.replace(/^\[|\]$/g, '');
  const trust = createSecureContext();
  if (isIP(address) === 0) return { credentials: credentials.createFromSecureContext(trust), options: {} };
  return {
    credentials: credentials.createFromSecureContext(trust, {
      checkServerIdentity: (_name, certificate) => checkServerIdentity(address, certificate),
    }),
    options: { 'grpc.ssl_target_name_override': 'address' },
  };
}

const noConnection = /^No connection established\. Last error: (.*?)(?:\. Resolution note.*)?$/s;

function failureOf({ code, details }: ServiceError): Failure {
  const [, reason] = noConnection.exec(details) ?? [];
  if (reason !== undefined)
    return new Failure('lost', `The connection to its upstream failed: ${reason.slice(0, 200)}.`);
  const said = `${status[code]}${details ? `: ${shown(details)}` : ''}`;
  // What the client itself says of an answer, in the status that servers use for requests.
  if (code === status.RESOURCE_EXHAUSTED && details.endsWith(`vs ${mostAnswerBytes})`))
    return answerTooLong(mostAnswerBytes);
  if (refused.includes(code)) return new Failure('refused', `Its upstream refused the rows (${said}).`);
  const kinds: { [code: number]: FailureKind } = {
    [status.UNAVAILABLE]: 'lost',
    [status.DEADLINE_EXCEEDED]: 'late',
  };
  return new Failure(kinds[code] ?? 'failed', `Its upstream answered ${said}.`);
}
