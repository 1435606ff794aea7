import { Client, type ClientOptions, credentials, Metadata, type ServiceError } from '@grpc/grpc-js';
import protobuf from 'protobufjs';
import { inRepository } from '../processes/harness.ts';

/** The published .proto files as any client's generator reads them: not the server's own description. */
export const protos = new protobuf.Root();
protos.loadSync(
  ['grpc_service', 'health', 'reflection'].map((name) => inRepository(`spec/proto/${name}.proto`)),
  { keepCase: true },
);

export const inference = 'inference.GRPCInferenceService';

type Call = { [name: string]: unknown };

/** A gRPC client that knows nothing of Slipway. */
export class GrpcClient {
  readonly #client: Client;

  constructor(address: string, options: ClientOptions = {}) {
    this.#client = new Client(address, credentials.createInsecure(), options);
  }

  close(): void {
    this.#client.close();
  }

  /** Answers, or rejects with the call's status. */
  ask<T = Call>(
    method: string,
    request: Call,
    options: {
      service?: string;
      headers?: Record<string, string>;
      /** Gets what comes before the answer. */
      onHead?: (head: Metadata) => void;
      /** Gets what comes behind it. */
      onTail?: (tail: Metadata) => void;
    } = {},
  ): Promise<T> {
    const service = options.service ?? inference;
    const { request: input, response } = typesOf(service, method);
    const metadata = new Metadata();
    for (const [name, value] of Object.entries(options.headers ?? {})) metadata.set(name, value);
    return new Promise((resolve, reject) => {
      const call = this.#client.makeUnaryRequest(
        `/${service}/${method}`,
        (value: Call) => encode(input, value),
        (bytes) => decode<T>(response, bytes),
        request,
        metadata,
        (error: ServiceError | null, value?: T) => (error ? reject(error) : resolve(value!)),
      );
      if (options.onHead) call.on('metadata', options.onHead);
      call.on('status', ({ metadata: tail }) => options.onTail?.(tail));
    });
  }

  /** The first of the answers that one request gets. */
  first<T = Call>(method: string, request: Call, service = inference): Promise<T> {
    const { request: input, response } = typesOf(service, method);
    const stream = this.#client.makeServerStreamRequest(
      `/${service}/${method}`,
      (value: Call) => encode(input, value),
      (bytes) => decode<T>(response, bytes),
      request,
    );
    return new Promise((resolve, reject) => {
      stream.once('data', (answer: T) => {
        resolve(answer);
        stream.cancel();
      });
      stream.on('error', reject);
    });
  }

  /** Sends all, gathers as many answers; rejects with the call's status, and the answers before it as `answers`. */
  stream<T = Call>(
    method: string,
    requests: Call[],
    service = inference,
    headers: Record<string, string> = {},
  ): Promise<T[]> {
    const metadata = new Metadata();
    for (const [name, value] of Object.entries(headers)) metadata.set(name, value);
    const { request: input, response } = typesOf(service, method);
    const stream = this.#client.makeBidiStreamRequest(
      `/${service}/${method}`,
      (value: Call) => encode(input, value),
      (bytes) => decode<T>(response, bytes),
      metadata,
    );
    return new Promise((resolve, reject) => {
      const answers: T[] = [];
      stream.on('data', (answer: T) => answers.push(answer));
      stream.on('error', (error) => reject(Object.assign(error, { answers })));
      stream.on('end', () => resolve(answers));
      for (const request of requests) stream.write(request);
      stream.end();
    });
  }
}

function typesOf(service: string, method: string): { request: protobuf.Type; response: protobuf.Type } {
  const found = protos.lookupService(service).methods[method]!;
  found.resolve();
  return { request: found.resolvedRequestType!, response: found.resolvedResponseType! };
}

function encode(type: protobuf.Type, value: Call): Buffer {
  return Buffer.from(type.encode(type.fromObject(value)).finish());
}

function decode<T>(type: protobuf.Type, bytes: Buffer): T {
  return type.toObject(type.decode(bytes), {
    longs: Number,
    enums: String,
    defaults: true,
    arrays: true,
  }) as T;
}
