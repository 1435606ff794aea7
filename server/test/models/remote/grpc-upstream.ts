import {
  type handleUnaryCall,
  Metadata,
  Server,
  ServerCredentials,
  type ServerUnaryCall,
  type sendUnaryData,
  type status,
} from '@grpc/grpc-js';
import { inference, protos } from '../../grpc/client.ts';

/** Messages as the published .proto files have them, read by nothing of Slipway's. */
export type Message = { [name: string]: unknown };
export type Call = ServerUnaryCall<Message, Message>;
export type Answer = (call: Call, done: sendUnaryData<Message>) => void;

export interface GrpcServed {
  url: string;
  port: number;
  close(): void;
}

/** An inference server on a port of its own (0: any), whose methods are those of `answers`. */
export async function serveGrpc(
  answers: Record<string, Answer>,
  port = 0,
  tls: { cert: Buffer; key: Buffer } | null = null,
): Promise<GrpcServed> {
  const server = new Server({ 'grpc.max_send_message_length': -1 });
  const service = protos.lookupService(inference);
  for (const [name, answer] of Object.entries(answers)) {
    const method = service.methods[name]!;
    method.resolve();
    const [input, output] = [method.resolvedRequestType!, method.resolvedResponseType!];
    server.register(
      `/${inference}/${name}`,
      answer as handleUnaryCall<Message, Message>,
      (value: Message) => Buffer.from(output.encode(output.fromObject(value)).finish()),
      (bytes: Buffer) => input.toObject(input.decode(bytes), { longs: Number, defaults: true, arrays: true }),
      'unary',
    );
  }
  const credentials = tls
    ? ServerCredentials.createSsl(null, [{ cert_chain: tls.cert, private_key: tls.key }])
    : ServerCredentials.createInsecure();
  const bound = await new Promise<number>((resolve, reject) =>
    server.bindAsync(`127.0.0.1:${port}`, credentials, (error, found) =>
      error ? reject(error) : resolve(found),
    ),
  );
  return {
    url: `${tls ? 'grpcs' : 'grpc'}://127.0.0.1:${bound}`,
    port: bound,
    close: () => server.forceShutdown(),
  };
}

export function saying(code: status, details: string): Answer {
  return (_call, done) => done({ code, details, metadata: new Metadata() });
}

/** The first input, as raw bytes. */
export function rawInput({ request }: Call): { shape: number[]; raw: Buffer } {
  const { inputs, raw_input_contents } = request as {
    inputs: { shape: number[] }[];
    raw_input_contents: Uint8Array[];
  };
  return { shape: inputs[0]!.shape, raw: Buffer.from(raw_input_contents[0]!) };
}

/** Metadata of a model that sums two columns of FP64, and how it answers. */
export const sums: Record<'ModelMetadata' | 'ServerMetadata' | 'ModelInfer', Answer> = {
  ServerMetadata: (_call, done) => done(null, { name: 'sums', version: '2', extensions: [] }),
  ModelMetadata: (_call, done) =>
    done(null, {
      name: 'sum',
      versions: ['3'],
      platform: 'test_sum',
      inputs: [{ name: 'x', datatype: 'FP64', shape: [-1, 2] }],
    }),
  ModelInfer: (call, done) => {
    const { shape, raw } = rawInput(call);
    const data = Array.from(
      { length: shape[0]! },
      (_, row) => raw.readDoubleLE(16 * row) + raw.readDoubleLE(16 * row + 8),
    );
    const contents = { fp64_contents: data };
    done(null, { outputs: [{ name: 'y', datatype: 'FP64', shape: [data.length], contents }] });
  },
};
