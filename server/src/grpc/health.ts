import {
  Metadata,
  type Server,
  type ServerUnaryCall,
  type ServerWritableStream,
  type sendUnaryData,
  status,
} from '@grpc/grpc-js';
import { message } from '../oip/messages.ts';
import { inferenceService } from './inference.ts';
import { type Received, received } from './received.ts';

export const healthService = 'grpc.health.v1.Health';

interface HealthCheckRequest {
  service: string;
}

/** A watcher is told of a change within this time, ms. */
const watchMs = 500;

/**
 * gRPC's health checking protocol (spec/proto/health.proto), for load balancers: the whole server is service ''
 * or the inference service's name.
 */
export function addHealth(server: Server, ready: () => boolean): void {
  const { decode } = message<HealthCheckRequest>('grpc.health.v1.HealthCheckRequest');
  const response = message('grpc.health.v1.HealthCheckResponse');
  const of = (): object => ({ status: ready() ? 'SERVING' : 'NOT_SERVING' });
  const isKnown = (request: Received<HealthCheckRequest>): boolean =>
    'service' in request && (request.service === '' || request.service === inferenceService);
  server.register(
    `/${healthService}/Check`,
    (call: ServerUnaryCall<Received<HealthCheckRequest>, object>, done: sendUnaryData<object>) => {
      if (isKnown(call.request)) done(null, of());
      else done({ code: status.NOT_FOUND, details: 'There is no such service.', metadata: new Metadata() });
    },
    response.encode,
    received(decode),
    'unary',
  );
  server.register(
    `/${healthService}/List`,
    (_call: ServerUnaryCall<object, object>, done: sendUnaryData<object>) =>
      done(null, { statuses: { '': of(), [inferenceService]: of() } }),
    message('grpc.health.v1.HealthListResponse').encode,
    received(message('grpc.health.v1.HealthListRequest').decode),
    'unary',
  );
  server.register(
    `/${healthService}/Watch`,
    (call: ServerWritableStream<Received<HealthCheckRequest>, object>) => {
      let last: string | null = null;
      const look = (): void => {
        const now = isKnown(call.request) ? of() : { status: 'SERVICE_UNKNOWN' };
        if (JSON.stringify(now) !== last) call.write(now);
        last = JSON.stringify(now);
      };
      look();
      const timer = setInterval(look, watchMs).unref();
      call.on('cancelled', () => clearInterval(timer));
    },
    response.encode,
    received(decode),
    'serverStream',
  );
}
