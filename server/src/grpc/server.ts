import { createServer } from 'node:net';
import { type Metadata, Server, ServerCredentials } from '@grpc/grpc-js';
import type { Actor } from '../actor.ts';
import type { BodyBounds } from '../lane/body-bounds.ts';
import { listenOn } from '../listening.ts';
import { boundArriving } from './arriving.ts';
import { addHealth, healthService } from './health.ts';
import { addInference, type InferenceParts, inferenceService } from './inference.ts';
import { addReflection } from './reflection.ts';

export interface GrpcEdge extends Omit<InferenceParts, 'authorise'> {
  /** The caller by its authorization header. Throws UNAUTHORIZED. */
  actor: (authorization: string | undefined) => Actor;
  /** Of messages: each by itself, and what is there of them in sum. */
  bodies: BodyBounds;
  /** PEM, or null: no encryption. */
  tls: { cert: Buffer; key: Buffer } | null;
}

/**
 * Calls that one connection may have open. gRPC's own default is none, Triton's too; but each costs some KB before
 * anything of it has come. A client's library lets further ones wait, or opens another connection, so that nobody is
 * refused; and so many in flight are more than a lane answers within the time that it lets anybody wait (admission.ts).
 * RFC 9113, 6.5.2: no fewer than 100.
 */
const callsOfConnection = 1000;

/** A stream that its client keeps open is cut after so long when the server stops, ms. */
const graceMs = 5000;

export interface GrpcServer {
  /** Accepts connections of a listening socket that this process was handed, by all these descriptors of it. */
  listen(descriptors: number[]): Promise<void>;
  /** Answers what was asked, then closes every connection. */
  stop(): Promise<void>;
}

/** The data plane over gRPC (docs/adr/0010-grpc.md). */
export function grpcServer({ actor, tls, bodies, ...parts }: GrpcEdge): GrpcServer {
  const server = new Server({
    'grpc.max_receive_message_length': bodies.limit,
    'grpc.max_send_message_length': -1,
    'grpc.max_concurrent_streams': callsOfConnection,
    // Nobody asks for channelz here, and it counts at every call.
    'grpc.enable_channelz': 0,
    interceptors: [boundArriving(bodies)],
  });
  const authorise = (metadata: Metadata): Actor => actor(metadata.get('authorization')[0]?.toString());
  addInference(server, { ...parts, authorise });
  addHealth(server, parts.ready);
  addReflection(server, [inferenceService, healthService]);
  // grpc-js cannot listen on a socket that it did not open: connections are accepted here and handed to it.
  const injector = server.createConnectionInjector(
    tls
      ? ServerCredentials.createSsl(null, [{ cert_chain: tls.cert, private_key: tls.key }])
      : ServerCredentials.createInsecure(),
  );
  const listener = createServer({ noDelay: true }, (socket) => {
    socket.on('error', () => socket.destroy());
    injector.injectConnection(socket);
  });
  let close = (): void => {};
  return {
    listen: async (descriptors) => {
      close = await listenOn(listener, descriptors, {});
    },
    stop: async () => {
      close();
      const cut = setTimeout(() => server.forceShutdown(), graceMs);
      await new Promise<void>((resolve) => server.tryShutdown(() => resolve()));
      clearTimeout(cut);
    },
  };
}
