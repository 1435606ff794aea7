import { type ClientHttp2Session, type ClientHttp2Stream, connect } from 'node:http2';
import { gzipSync } from 'node:zlib';
import { status } from '@grpc/grpc-js';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { electricity, inRepository, Slipway, until } from '../processes/harness.ts';
import { inference, protos } from './client.ts';

const limit = 16 * 1024 * 1024;
const calls = 40;
const connections = 4;
let slipway: Slipway;
let sessions: ClientHttp2Session[];

beforeEach(async () => {
  slipway = await Slipway.start({ bodyLimit: limit });
  await slipway.deploy('electricity', inRepository('examples/electricity/model.txt'));
  // MB: node's own bound, on the client's side.
  sessions = Array.from({ length: connections }, () =>
    connect(`http://${slipway.grpc}`, { maxSessionMemory: 1000 }),
  );
});
afterEach(async () => {
  for (const session of sessions) session.destroy();
  await slipway.end();
});

/** A good request, as large as one may be: most of it is a field that nobody knows. */
function largest(): Buffer {
  const [row] = electricity(9062, 9063);
  const input = protos.lookupType('inference.ModelInferRequest');
  const message = input.encode(
    input.fromObject({
      model_name: 'electricity',
      inputs: [{ name: 'X', datatype: 'FP64', shape: [1, 6] }],
      raw_input_contents: [Buffer.from(Float64Array.from(Object.values(row!.features)).buffer)],
    }),
  );
  const known = message.finish();
  const tagAndLength = 8;
  const unknown = message
    .uint32((1000 << 3) | 2)
    .bytes(Buffer.alloc(limit - 100 - known.length - tagAndLength));
  return Buffer.from(unknown.finish());
}

function framed(bytes: Buffer, isPacked = false): Buffer {
  const head = Buffer.alloc(5);
  head[0] = isPacked ? 1 : 0;
  head.writeUInt32BE(bytes.length, 1);
  return Buffer.concat([head, bytes]);
}

interface Upload {
  stream: ClientHttp2Stream;
  /** null: not answered yet. */
  code: number | null;
}

function upload(session: ClientHttp2Session, bytes: Buffer): Upload {
  const stream = session.request({
    ':method': 'POST',
    ':path': `/${inference}/ModelInfer`,
    'content-type': 'application/grpc',
    te: 'trailers',
    'grpc-encoding': 'gzip',
  });
  const one: Upload = { stream, code: null };
  const take = (headers: { [name: string]: unknown }): void => {
    if (!('grpc-status' in headers)) return;
    one.code = Number(headers['grpc-status']);
    stream.close();
  };
  stream
    .on('response', take)
    .on('trailers', take)
    .on('error', () => {})
    .resume();
  stream.write(bytes);
  return one;
}

const resident = async (): Promise<number> => {
  const { body } = await slipway.api<string>('GET', '/metrics');
  return Number(/^slipway_process_resident_bytes{process="lane-1"} (\S+)/m.exec(body)![1]);
};

test('many of the largest messages at once: a lane keeps four, refuses the others, and answers what it has kept', async () => {
  const message = framed(largest());
  const before = await resident();
  const all = Array.from({ length: calls }, (_, n) =>
    upload(sessions[n % connections]!, message.subarray(0, -1)),
  );
  await until(() => all.filter(({ code }) => code !== null).length === calls - 4, 'all but four are refused');
  expect((await resident()) - before).toBeLessThan(calls * limit * 0.4);
  const kept = all.filter(({ code }) => code === null);
  expect(all.filter(({ code }) => code === status.UNAVAILABLE)).toHaveLength(calls - 4);
  for (const { stream } of kept) stream.end(message.subarray(-1));
  await until(() => kept.every(({ code }) => code === status.OK), 'the others are answered');
  const again = upload(sessions[0]!, message);
  again.stream.end();
  await until(() => again.code === status.OK, 'there is room again');
});

test('many small messages that unpack to the largest: a lane unpacks as many as it may, and refuses the others', async () => {
  const message = framed(gzipSync(largest()), true);
  expect(message.length).toBeLessThan(limit / 500);
  const before = await resident();
  // Many: what V8 has not collected yet is little beside what they would all take.
  const all = Array.from({ length: 5 * calls }, (_, n) => {
    const one = upload(sessions[n % connections]!, message);
    one.stream.end();
    return one;
  });
  await until(() => all.every(({ code }) => code !== null), 'all are answered');
  expect((await resident()) - before).toBeLessThan(all.length * limit * 0.2);
  const fair: unknown[] = [status.OK, status.UNAVAILABLE];
  expect(all.filter(({ code }) => !fair.includes(code))).toEqual([]);
});
