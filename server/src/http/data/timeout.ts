import type { IncomingHttpHeaders } from 'node:http';
import { SlipwayError } from '../../errors.ts';

/** ms of gRPC's units: hours, minutes, seconds, milli-, micro- and nanoseconds. */
const units: { [unit: string]: number } = { H: 3_600_000, M: 60_000, S: 1000, m: 1, u: 1e-3, n: 1e-6 };

/**
 * How long the caller waits, ms; Infinity: it does not say. `grpc-timeout` is what gRPC says over HTTP/2 and its
 * gateways take over HTTP/1; `x-envoy-expected-rq-timeout-ms` is what Envoy and Istio tell whoever stands behind them.
 * The shorter of both. Throws INVALID_REQUEST.
 * https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md
 * https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_filters/router_filter
 */
export function timeoutOf(headers: IncomingHttpHeaders): number {
  const grpc = headers['grpc-timeout'];
  const envoy = headers['x-envoy-expected-rq-timeout-ms'];
  let timeout = Number.POSITIVE_INFINITY;
  if (grpc !== undefined) {
    const [, count, unit] = /^(\d{1,8})([HMSmun])$/.exec(String(grpc)) ?? wrong('grpc-timeout');
    timeout = Number(count) * units[unit!]!;
  }
  if (envoy !== undefined) {
    const [count] = /^\d{1,12}$/.exec(String(envoy)) ?? wrong('x-envoy-expected-rq-timeout-ms');
    timeout = Math.min(timeout, Number(count));
  }
  return timeout;
}

function wrong(header: string): never {
  throw new SlipwayError(
    'INVALID_REQUEST',
    `The header ${header} is no timeout.`,
    'grpc-timeout is up to 8 digits and a unit (H, M, S, m, u, n), x-envoy-expected-rq-timeout-ms a number of ms.',
  );
}
