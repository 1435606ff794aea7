import { errorTable } from '../../errors.ts';
import type { Begun, Tracer } from '../../lane/tracer.ts';
import { readTrace, type SpanAttributes, traceparentOf } from '../../trace.ts';
import type { Exchange } from './exchange.ts';

const methods: ReadonlySet<string> = new Set(['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS']);

/** Longer paths and names of clients are cut, characters. */
const textLimit = 256;

/**
 * The span of a request, ended with its response, by OpenTelemetry's conventions for HTTP servers 1.45. The caller gets
 * the trace's id in the header `traceresponse`.
 * https://opentelemetry.io/docs/specs/semconv/http/http-spans/
 * https://w3c.github.io/trace-context/#traceresponse-header
 */
export function beginSpan(tracer: Tracer, exchange: Exchange): Begun {
  const { request, response, since } = exchange;
  const { traceparent, tracestate } = request.headers;
  const caller = readTrace(traceparent as string | undefined, tracestate as string | undefined);
  const begun = tracer.begin(caller, since);
  const { span, trace } = begun;
  if (!span) return begun;
  response.setHeader('traceresponse', traceparentOf(trace));
  response.once('close', () => {
    // One that is closed before its answer has left has lost its caller.
    const code = response.writableFinished ? exchange.code : (exchange.code ?? 'CANCELLED');
    const route = code === 'NOT_FOUND' ? null : routeOf(exchange.path);
    const method = methods.has(request.method ?? '') ? request.method! : '_OTHER';
    const shown = method === '_OTHER' ? 'HTTP' : method;
    span.name(route === null ? shown : `${shown} ${route}`);
    span.set(attributesOf(exchange, method, route));
    if (code !== null) span.set({ 'slipway.code': code });
    const isOurs = code !== null && errorTable[code].status >= 500;
    span.end(performance.now(), isOurs ? code : undefined);
  });
  return begun;
}

function attributesOf(
  { request, response, path }: Exchange,
  method: string,
  route: string | null,
): SpanAttributes {
  const agent = request.headers['user-agent'];
  return {
    'http.request.method': method,
    ...(route === null ? {} : { 'http.route': route }),
    ...(response.headersSent ? { 'http.response.status_code': response.statusCode } : {}),
    'url.path': path.slice(0, textLimit),
    'url.scheme': 'encrypted' in request.socket ? 'https' : 'http',
    'network.protocol.version': request.httpVersion,
    ...(agent === undefined ? {} : { 'user_agent.original': agent.slice(0, textLimit) }),
  };
}

/** A path without what callers choose in it. */
export function routeOf(path: string): string {
  return path
    .replace(/^\/(predict|v[12]\/models|v2\/repository\/models)\/(?!stats$)[^/:]+/, '/$1/{model}')
    .replace(/\/versions\/[^/]+/, '/versions/{version}');
}
