import { Agent, request } from 'node:http';
import { connect as connectHttp2 } from 'node:http2';
import { connect, type Socket } from 'node:net';
import { deflateSync, gzipSync } from 'node:zlib';
import { Client, credentials, type ServiceError, status } from '@grpc/grpc-js';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { protos } from '../grpc/client.ts';
import { electricity, inRepository, Slipway } from '../processes/harness.ts';
import { seeded } from '../stats/seeded.ts';
import { damaged } from './damaged.ts';

/** Damaged requests over every edge: each gets an answer that blames its sender, and the lane lives on. */
const cases = Number(process.env.FUZZ_CASES ?? 2000);
let slipway: Slipway;
let agent: Agent;
const { features } = electricity(9062, 9063)[0]!;
const values = Object.values(features);

beforeAll(async () => {
  slipway = await Slipway.start({ bodyLimit: 100_000 });
  await slipway.deploy('electricity', inRepository('examples/electricity/model.txt'));
  await slipway.deploy('mixed', inRepository('spec/models/sk_pipeline_mixed/model.onnx'));
  agent = new Agent({ keepAlive: true, maxSockets: 8 });
});
afterAll(async () => {
  agent.destroy();
  await slipway.end();
});

interface Sent {
  path: string;
  body: Buffer;
  headers: Record<string, string>;
}

const json = (value: unknown): Buffer => Buffer.from(JSON.stringify(value));
const tensor = { name: 'X', datatype: 'FP64', shape: [1, 6], data: values };
const head = json({ inputs: [{ ...tensor, data: undefined, parameters: { binary_data_size: 48 } }] });
const binary = Buffer.concat([head, Buffer.from(Float64Array.from(values).buffer)]);
const good: Sent[] = [
  { path: '/predict/electricity', body: json({ features, key: 'k', at: 1e12 }), headers: {} },
  { path: '/predict/electricity', body: json({ rows: [features, features] }), headers: {} },
  { path: '/v2/models/electricity/infer', body: json({ id: 'i', inputs: [tensor] }), headers: {} },
  {
    path: '/v2/models/electricity/infer',
    body: binary,
    headers: { 'inference-header-content-length': String(head.length) },
  },
  {
    path: '/v2/models/electricity/infer',
    body: gzipSync(json({ inputs: [tensor] })),
    headers: { 'content-encoding': 'gzip' },
  },
  { path: '/v1/models/electricity:predict', body: json({ instances: [values] }), headers: {} },
  { path: '/labels', body: json({ labels: [{ model: 'electricity', key: 'k', label: 1 }] }), headers: {} },
  { path: '/v2/repository/index', body: json({ ready: true }), headers: {} },
];

function send({ path, body, headers }: Sent): Promise<number> {
  return new Promise((resolve, reject) => {
    const outgoing = request(
      `${slipway.dataPlane}${path}`,
      { method: 'POST', agent, headers: { 'content-type': 'application/json', ...headers } },
      (response) => {
        response.resume();
        response.on('end', () => resolve(response.statusCode!));
        response.on('error', reject);
      },
    );
    outgoing.on('error', reject);
    outgoing.end(body);
  });
}

function inferMessage(): Buffer {
  const type = protos.lookupType('inference.ModelInferRequest');
  const request = type.fromObject({
    model_name: 'electricity',
    id: 'i',
    parameters: { at: { int64_param: 1e12 } },
    inputs: [{ name: 'X', datatype: 'FP64', shape: [1, 6] }],
    raw_input_contents: [Buffer.from(Float64Array.from(values).buffer)],
  });
  return Buffer.from(type.encode(request).finish());
}

/** What the lanes answer to a sound request, which must not change. */
const sound = async (): Promise<unknown> =>
  (await slipway.predict('electricity', { features })).body.probabilities;

const partBegins = '--x\r\ncontent-disposition: form-data; name="rows"; filename="rows.json"\r\n\r\n';
const partEnds = '\r\n--x--\r\n';

test(`${cases} damaged HTTP requests: 200 or 4xx, never anything else`, async () => {
  const before = await sound();
  const { pid } = await slipway.processNamed('lane-1');
  const random = seeded(20);
  const seen = new Map<number, number>();
  for (let i = 0; i < cases; i++) {
    const from = good[i % good.length]!;
    const headers = { ...from.headers };
    if (random() < 0.1) headers['inference-header-content-length'] = ['-1', '1e9', 'x', '', '7', '0'][i % 6]!;
    if (random() < 0.05) headers['content-encoding'] = ['deflate', 'gzip', 'zstd'][i % 3]!;
    let body = from.body;
    if (random() < 0.05) {
      headers['content-type'] = 'multipart/form-data; boundary=x';
      body = Buffer.concat([Buffer.from(partBegins), body, Buffer.from(partEnds)]);
    }
    const code = await send({ ...from, headers, body: damaged(body, random) });
    seen.set(code, (seen.get(code) ?? 0) + 1);
  }
  expect(
    [...seen.keys()].filter((code) => code !== 200 && code !== 202 && (code < 400 || code >= 500)),
  ).toEqual([]);
  // It did reach what it was meant to reach.
  expect(seen.get(400)).toBeGreaterThan(cases / 10);
  expect(await sound()).toEqual(before);
  expect((await slipway.processNamed('lane-1')).pid).toBe(pid);
});

test(`${cases} damaged gRPC messages: answered, or refused as the sender's fault`, async () => {
  const before = await sound();
  const { pid } = await slipway.processNamed('lane-1');
  const message = inferMessage();
  const client = new Client(slipway.grpc, credentials.createInsecure());
  const random = seeded(21);
  const seen = new Map<number, number>();
  for (let i = 0; i < cases; i++) {
    const code = await new Promise<number>((resolve) => {
      client.makeUnaryRequest(
        '/inference.GRPCInferenceService/ModelInfer',
        (bytes: Buffer) => bytes,
        (bytes: Buffer) => bytes,
        damaged(message, random),
        (error: ServiceError | null) => resolve(error ? error.code : status.OK),
      );
    });
    seen.set(code, (seen.get(code) ?? 0) + 1);
  }
  client.close();
  const fair = [status.OK, status.INVALID_ARGUMENT, status.NOT_FOUND];
  expect([...seen.keys()].filter((code) => !fair.includes(code))).toEqual([]);
  expect(seen.get(status.INVALID_ARGUMENT)).toBeGreaterThan(cases / 10);
  expect(await sound()).toEqual(before);
  expect((await slipway.processNamed('lane-1')).pid).toBe(pid);
});

test(`${cases} damaged gRPC frames, compressed ones too: none is blamed on the server`, async () => {
  const before = await sound();
  const { pid } = await slipway.processNamed('lane-1');
  const message = inferMessage();
  const framed = (bytes: Buffer, flag: number): Buffer => {
    const head = Buffer.alloc(5);
    head[0] = flag;
    head.writeUInt32BE(bytes.length, 1);
    return Buffer.concat([head, bytes]);
  };
  const frames = [framed(message, 0), framed(gzipSync(message), 1), framed(deflateSync(message), 1)];
  const methods = ['ModelInfer', 'ModelStreamInfer', 'ModelMetadata', 'RepositoryIndex'];
  const session = connectHttp2(`http://${slipway.grpc}`);
  const random = seeded(22);
  const send = (method: string, bytes: Buffer): Promise<number> =>
    new Promise((resolve, reject) => {
      const stream = session.request({
        ':method': 'POST',
        ':path': `/inference.GRPCInferenceService/${method}`,
        'content-type': 'application/grpc',
        'grpc-encoding': 'gzip',
        te: 'trailers',
      });
      const take = (headers: { [name: string]: unknown }): void => {
        if ('grpc-status' in headers) resolve(Number(headers['grpc-status']));
      };
      stream.on('response', take).on('trailers', take).on('error', reject).resume();
      stream.end(bytes);
    });
  const seen = new Map<number, number>();
  for (let i = 0; i < cases; i++) {
    const frame = frames[i % frames.length]!;
    const [method, rest] = [methods[i % methods.length]!, random() < 0.3 ? frame : Buffer.alloc(0)];
    // What follows is read as a message too.
    const code = await send(method, Buffer.concat([damaged(frame, random), rest]));
    seen.set(code, (seen.get(code) ?? 0) + 1);
  }
  session.destroy();
  // UNIMPLEMENTED is what grpc-js says of a call with no message, or with two.
  const fair = [
    status.OK,
    status.INVALID_ARGUMENT,
    status.NOT_FOUND,
    status.RESOURCE_EXHAUSTED,
    status.UNIMPLEMENTED,
  ];
  expect([...seen.keys()].filter((code) => !fair.includes(code))).toEqual([]);
  expect(seen.get(status.INVALID_ARGUMENT)).toBeGreaterThan(cases / 20);
  expect(await sound()).toEqual(before);
  expect((await slipway.processNamed('lane-1')).pid).toBe(pid);
});

test(`${cases} damaged heads of HTTP requests: refused or answered, and the next connection is served`, async () => {
  const before = await sound();
  const { pid } = await slipway.processNamed('lane-1');
  const heads = good.map(({ path, headers, body }) => {
    const all = { host: 'a', 'content-type': 'application/json', 'content-length': body.length, ...headers };
    const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}`);
    return Buffer.from([`POST ${path} HTTP/1.1`, ...lines, 'connection: close', '', ''].join('\r\n'));
  });
  const random = seeded(23);
  const seen = new Map<string, number>();
  for (let i = 0; i < cases; i++) {
    const { body } = good[i % good.length]!;
    const said = await sendRaw(Buffer.concat([damaged(heads[i % heads.length]!, random), body]));
    for (const [, code] of said.matchAll(/^HTTP\/1\.1 (\d+)/gm)) seen.set(code!, (seen.get(code!) ?? 0) + 1);
  }
  expect([...seen.keys()].filter((code) => !/^[124]/.test(code))).toEqual([]);
  expect(seen.get('400')).toBeGreaterThan(cases / 10);
  expect(await sound()).toEqual(before);
  expect((await slipway.processNamed('lane-1')).pid).toBe(pid);
});

/** All that is said to these bytes, of which nobody says more. */
async function sendRaw(bytes: Buffer): Promise<string> {
  const socket: Socket = connect(Number(new URL(slipway.dataPlane).port), '127.0.0.1');
  const parts: Buffer[] = [];
  socket.on('data', (part: Buffer) => parts.push(part));
  socket.on('error', () => {});
  socket.end(bytes);
  await new Promise((resolve) => socket.once('close', resolve));
  return Buffer.concat(parts).toString('latin1');
}
