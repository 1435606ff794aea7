import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import protobuf from 'protobufjs';
import { bodyOf } from '../models/remote/upstream-of.ts';
import { inRepository } from './harness.ts';

/** A span as it came over the wire, with its attributes and its resource's as plain values. */
export interface Received {
  name: string;
  traceId: string;
  spanId: string;
  parentSpanId: string;
  traceState: string;
  flags: number;
  kind: string;
  /** ns since the epoch. */
  start: bigint;
  end: bigint;
  attributes: { [name: string]: string | number };
  status: string;
  links: { traceId: string; spanId: string }[];
  resource: { [name: string]: string | number };
}

interface Attribute {
  key: string;
  value: { stringValue?: string; intValue?: string; doubleValue?: number };
}

interface Message {
  resourceSpans: { resource: { attributes: Attribute[] }; scopeSpans: { spans: SpanMessage[] }[] }[];
}

interface SpanMessage {
  name: string;
  traceId: Uint8Array;
  spanId: Uint8Array;
  parentSpanId: Uint8Array;
  traceState: string;
  flags: number;
  kind: string;
  startTimeUnixNano: string;
  endTimeUnixNano: string;
  attributes: Attribute[];
  status?: { code: string };
  links: { traceId: Uint8Array; spanId: Uint8Array }[];
}

const root = new protobuf.Root();
root.resolvePath = (_origin, target) => join(inRepository('spec/proto'), target);
root.loadSync('opentelemetry/proto/collector/trace/v1/trace_service.proto');
const request = root.lookupType('opentelemetry.proto.collector.trace.v1.ExportTraceServiceRequest');

/** An OpenTelemetry collector, as far as a sender of traces sees it: OTLP over HTTP, protobuf. */
export class Collector {
  readonly spans: Received[] = [];
  readonly asked: { path: string; headers: IncomingHttpHeaders }[] = [];
  /** The status that it answers with. */
  status = 200;
  /** It takes requests and never answers. */
  hangs = false;
  readonly #server = createServer(async (incoming, outgoing) => {
    const bytes = await bodyOf(incoming);
    this.asked.push({ path: incoming.url ?? '', headers: incoming.headers });
    if (this.hangs) return;
    if (this.status === 200) this.spans.push(...received(bytes));
    outgoing.writeHead(this.status, { 'content-type': 'application/x-protobuf' }).end();
  });

  static async start(): Promise<Collector> {
    const collector = new Collector();
    await new Promise<void>((done) => collector.#server.listen(0, '127.0.0.1', done));
    return collector;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Spans of a trace, by its id. */
  trace(id: string): Received[] {
    return this.spans.filter(({ traceId }) => traceId === id);
  }

  close(): Promise<void> {
    this.#server.closeAllConnections();
    return new Promise((done) => this.#server.close(() => done()));
  }
}

function received(bytes: Buffer): Received[] {
  const message = request.toObject(request.decode(bytes), {
    longs: String,
    enums: String,
    arrays: true,
    defaults: true,
  }) as Message;
  return message.resourceSpans.flatMap(({ resource, scopeSpans }) =>
    scopeSpans.flatMap(({ spans }) => spans.map((span) => spanOf(span, plain(resource.attributes)))),
  );
}

function spanOf(span: SpanMessage, resource: Received['resource']): Received {
  const { name, traceState, flags, kind, status, links } = span;
  return {
    name,
    traceState,
    flags,
    kind,
    traceId: hex(span.traceId),
    spanId: hex(span.spanId),
    parentSpanId: hex(span.parentSpanId),
    start: BigInt(span.startTimeUnixNano),
    end: BigInt(span.endTimeUnixNano),
    attributes: plain(span.attributes),
    status: status?.code ?? 'STATUS_CODE_UNSET',
    links: links.map(({ traceId, spanId }) => ({ traceId: hex(traceId), spanId: hex(spanId) })),
    resource,
  };
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}

function plain(attributes: Attribute[]): { [name: string]: string | number } {
  return Object.fromEntries(attributes.map(({ key, value }) => [key, plainValue(value)]));
}

function plainValue({ stringValue, intValue, doubleValue }: Attribute['value']): string | number {
  if (intValue !== undefined) return Number(intValue);
  return doubleValue ?? stringValue ?? '';
}
