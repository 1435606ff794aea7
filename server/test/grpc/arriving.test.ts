import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect,
  type IncomingHttpHeaders,
} from 'node:http2';
import { type AddressInfo, createServer, type Server as NetServer } from 'node:net';
import { setImmediate as turn } from 'node:timers/promises';
import { deflateSync, gzipSync } from 'node:zlib';
import { Server, ServerCredentials, type ServerDuplexStream, status } from '@grpc/grpc-js';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { answeredOne, boundArriving } from '../../src/grpc/arriving.ts';
import { BodyBounds } from '../../src/lane/body-bounds.ts';

/** grpc-js's own server, and clients that send what no library would: pieces of messages. */
const limit = 100_000;
/** ms. Other messages come whole within it, however busy the machine is. */
const patience = 2000;

class Watched extends BodyBounds {
  held = 0;
  most = 0;

  override hold(bytes: number): void {
    super.hold(bytes);
    this.held += bytes;
    this.most = Math.max(this.most, this.held);
  }
}

const same = (bytes: Buffer): Buffer => bytes;
const bounds = new Watched(limit);
/** What the handler of streams that are answered slowly has got. */
const unanswered: [call: ServerDuplexStream<Buffer, Buffer>, length: number][] = [];

function answerOne(): ServerDuplexStream<Buffer, Buffer> {
  const [call, length] = unanswered.shift()!;
  answeredOne(call);
  call.write(Buffer.from(`${length};`));
  return call;
}
let server: Server;
let listener: NetServer;
let session: ClientHttp2Session;

beforeAll(async () => {
  server = new Server({
    'grpc.max_receive_message_length': limit,
    interceptors: [boundArriving(bounds, patience)],
  });
  server.register(
    '/t/Length',
    (call: { request: Buffer }, done: (error: null, value: Buffer) => void) => {
      done(null, Buffer.from(String(call.request.length)));
    },
    same,
    same,
    'unary',
  );
  server.register(
    '/t/Lengths',
    (call: ServerDuplexStream<Buffer, Buffer>) => {
      call.on('data', (bytes: Buffer) => {
        answeredOne(call);
        call.write(Buffer.from(`${bytes.length};`));
      });
      call.on('end', () => call.end());
    },
    same,
    same,
    'bidi',
  );
  server.register(
    '/t/Slow',
    (call: ServerDuplexStream<Buffer, Buffer>) => {
      call.on('data', (bytes: Buffer) => unanswered.push([call, bytes.length]));
    },
    same,
    same,
    'bidi',
  );
  const injector = server.createConnectionInjector(ServerCredentials.createInsecure());
  listener = createServer((socket) => injector.injectConnection(socket));
  await once(listener.listen(0, '127.0.0.1'), 'listening');
  session = connect(`http://127.0.0.1:${(listener.address() as AddressInfo).port}`);
});
afterAll(() => {
  session.destroy();
  listener.close();
  server.forceShutdown();
});

interface Answer {
  status: number;
  headers: IncomingHttpHeaders;
  text: string;
}

/** `closes`: as clients do when they have the call's status. */
function begin(method: string, closes = true): { stream: ClientHttp2Stream; answer: Promise<Answer> } {
  const stream = session.request({
    ':method': 'POST',
    ':path': `/t/${method}`,
    'content-type': 'application/grpc',
    te: 'trailers',
  });
  const answer = new Promise<Answer>((resolve, reject) => {
    let headers: IncomingHttpHeaders = {};
    const parts: Buffer[] = [];
    const take = (more: IncomingHttpHeaders): void => {
      headers = { ...headers, ...more };
      if (closes && 'grpc-status' in headers) stream.close();
    };
    stream.on('response', take).on('trailers', take);
    stream.on('data', (part: Buffer) => parts.push(part));
    stream.on('error', reject);
    stream.on('close', () =>
      resolve({ status: Number(headers['grpc-status']), headers, text: textOf(Buffer.concat(parts)) }),
    );
  });
  return { stream, answer };
}

function textOf(bytes: Buffer): string {
  let text = '';
  for (let at = 0; at < bytes.length; ) {
    const end = at + 5 + bytes.readUInt32BE(at + 1);
    text += bytes.toString('latin1', at + 5, end);
    at = end;
  }
  return text;
}

function framed(length: number): Buffer {
  const bytes = Buffer.alloc(5 + length);
  bytes.writeUInt32BE(length, 1);
  return bytes;
}

/** The same, compressed. */
function packed(length: number, pack: (bytes: Buffer) => Buffer = gzipSync): Buffer {
  return flagged(pack(Buffer.alloc(length)));
}

function flagged(bytes: Buffer): Buffer {
  const head = Buffer.alloc(5);
  head[0] = 1;
  head.writeUInt32BE(bytes.length, 1);
  return Buffer.concat([head, bytes]);
}

const frames = [framed, packed, (length: number) => packed(length, deflateSync)];

async function heldIs(bytes: number): Promise<void> {
  while (bounds.held !== bytes) await turn();
}

test('however the messages of a stream are cut, compressed or not, all of them come, and nothing is counted behind the last', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(fc.oneof(fc.nat(20), fc.nat(limit)), fc.constantFrom(...frames)), {
        minLength: 1,
        maxLength: 8,
      }),
      fc.infiniteStream(fc.oneof(fc.integer({ min: 1, max: 12 }), fc.integer({ min: 1, max: 40_000 }))),
      async (messages, cuts) => {
        const { stream, answer } = begin('Lengths');
        const bytes = Buffer.concat(messages.map(([length, frame]) => frame(length)));
        for (let at = 0; at < bytes.length; ) {
          const cut = cuts.next().value as number;
          stream.write(bytes.subarray(at, at + cut));
          at += cut;
          await turn();
        }
        stream.end();
        expect(await answer).toMatchObject({
          status: status.OK,
          text: messages.map(([length]) => `${length};`).join(''),
        });
        expect(bounds.held).toBe(0);
      },
    ),
    { numRuns: 200, seed: 16 },
  );
});

test('a message of a stream counts until it is whole, that of a call until it is closed', async () => {
  const bidi = begin('Lengths');
  const bytes = framed(50_000);
  bidi.stream.write(bytes.subarray(0, 40_000));
  await heldIs(40_000);
  bidi.stream.write(Buffer.concat([bytes.subarray(40_000), bytes.subarray(0, 3)]));
  await heldIs(3);
  bidi.stream.end(bytes.subarray(3));
  await bidi.answer;
  expect(bounds.held).toBe(0);
  const unary = begin('Length');
  unary.stream.write(bytes.subarray(0, 40_000));
  await heldIs(40_000);
  unary.stream.write(bytes.subarray(40_000));
  await heldIs(bytes.length);
  unary.stream.end();
  expect(await unary.answer).toMatchObject({ status: status.OK, text: '50000' });
  await heldIs(0);
});

test('who goes beyond the sum is refused with pushback, others and the connection go on', async () => {
  const most = framed(limit);
  const calls = Array.from({ length: 12 }, (_, n) => begin(n % 2 ? 'Length' : 'Lengths'));
  const refused: Answer[] = [];
  const left = new Set(calls);
  for (const call of calls) {
    void call.answer.then((answer) => {
      left.delete(call);
      refused.push(answer);
    });
    call.stream.write(most.subarray(0, limit));
  }
  while (refused.length < calls.length - 4) await turn();
  for (const { status: code, headers } of refused) {
    expect(code).toBe(status.UNAVAILABLE);
    expect(headers['grpc-message']).toContain('OVERLOADED');
    expect(headers['grpc-retry-pushback-ms']).toBe('1000');
  }
  // What comes in one piece is answered all the same.
  const small = begin('Length');
  small.stream.end(framed(7));
  expect(await small.answer).toMatchObject({ status: status.OK, text: '7' });
  expect(left.size).toBe(4);
  const rest = [...left];
  for (const { stream } of rest) stream.end(most.subarray(limit));
  for (const { answer } of rest) expect((await answer).status).toBe(status.OK);
  await heldIs(0);
});

test('what messages unpack to counts with the rest: where there is no room, they are refused with pushback', async () => {
  const most = framed(limit);
  const others = Array.from({ length: 4 }, () => begin('Length'));
  for (const { stream } of others) stream.write(most.subarray(0, limit));
  await heldIs(4 * limit);
  const bomb = packed(0.9 * limit);
  const refused = begin('Length');
  refused.stream.end(bomb);
  const { status: code, headers } = await refused.answer;
  expect([code, headers['grpc-retry-pushback-ms']]).toEqual([status.UNAVAILABLE, '1000']);
  for (const { stream } of others) stream.end(most.subarray(limit));
  for (const { answer } of others) expect((await answer).status).toBe(status.OK);
  const again = begin('Length');
  again.stream.end(bomb);
  expect(await again.answer).toMatchObject({ status: status.OK, text: String(0.9 * limit) });
  await heldIs(0);
});

test('however many come at once, no more is unpacked than there is room for', async () => {
  bounds.most = 0;
  const bomb = packed(0.9 * limit);
  const calls = Array.from({ length: 40 }, () => begin('Length'));
  for (const { stream } of calls) stream.end(bomb);
  for (const { answer } of calls) expect([status.OK, status.UNAVAILABLE]).toContain((await answer).status);
  expect(bounds.most).toBeGreaterThanOrEqual(0.9 * limit);
  // A part of the one that is too much is there when that is seen.
  expect(bounds.most).toBeLessThan(4 * limit + 70_000);
  await heldIs(0);
});

test('messages that unpack to much are unpacked as a stream is answered, not before', async () => {
  bounds.most = 0;
  const { stream, answer } = begin('Slow');
  const messages = 12;
  stream.end(Buffer.concat(Array.from({ length: messages }, () => packed(0.9 * limit))));
  while (bounds.held <= 3 * limit) await turn();
  for (let left = messages; left > 0; left--) {
    while (unanswered.length === 0 && !stream.closed) await turn();
    const call = answerOne();
    if (left === 1) call.end();
  }
  expect(await answer).toMatchObject({ status: status.OK, text: `${0.9 * limit};`.repeat(messages) });
  expect(bounds.most).toBeLessThanOrEqual(4 * limit);
  await heldIs(0);
});

test.each([
  ['unpacks to too much', packed(limit + 1), status.RESOURCE_EXHAUSTED, 'BODY_TOO_LARGE'],
  ['is too large before', flagged(randomBytes(limit + 1)), status.RESOURCE_EXHAUSTED, 'BODY_TOO_LARGE'],
  ['is neither gzip nor deflate', flagged(Buffer.alloc(100)), status.INVALID_ARGUMENT, 'gzip or deflate'],
  ['is cut', flagged(gzipSync(randomBytes(100)).subarray(0, 50)), status.INVALID_ARGUMENT, 'gzip or deflate'],
])('a compressed message that %s is its sender’s fault', async (_what, bytes, code, said) => {
  for (const method of ['Length', 'Lengths']) {
    const { stream, answer } = begin(method);
    stream.end(bytes);
    const { status: told, headers } = await answer;
    expect([told, headers['grpc-message']]).toEqual([code, expect.stringContaining(encodeURI(said))]);
  }
  await heldIs(0);
});

test('what comes behind a message that is refused is let fall', async () => {
  for (const method of ['Length', 'Lengths']) {
    const { stream, answer } = begin(method);
    stream.end(Buffer.concat([packed(limit + 1), packed(0.9 * limit), framed(10), packed(10)]));
    expect((await answer).status).toBe(status.RESOURCE_EXHAUSTED);
    await heldIs(0);
  }
  const { stream, answer } = begin('Length');
  stream.end(framed(7));
  expect(await answer).toMatchObject({ status: status.OK, text: '7' });
  expect(bounds.held).toBe(0);
});

test('nothing counts any more of what was being unpacked for a call that is given up', async () => {
  const calls = Array.from({ length: 8 }, () => begin('Length'));
  for (const { stream } of calls) stream.end(packed(0.9 * limit));
  while (bounds.held === 0) await turn();
  for (const { stream } of calls) stream.close();
  await heldIs(0);
  const { stream, answer } = begin('Length');
  stream.end(packed(10));
  expect(await answer).toMatchObject({ status: status.OK, text: '10' });
});

test('a message that does not come whole is told so, and what came of it is given back', async () => {
  const { stream, answer } = begin('Length', false);
  stream.write(framed(90_000).subarray(0, 80_000));
  const told = await answer;
  expect(told.status).toBe(status.DEADLINE_EXCEEDED);
  expect(told.headers['grpc-message']).toContain('TIMEOUT');
  await heldIs(0);
});

test('a stream is slowed before it is refused, and goes on as it is answered, others at their limit or not', async () => {
  const { stream, answer } = begin('Slow');
  const large = framed(0.9 * limit);
  const messages = 12;
  for (let n = 0; n < messages; n++) stream.write(large);
  stream.write(Buffer.concat([framed(1), framed(2), framed(3)]));
  stream.end();
  await heldIsStill();
  expect(unanswered.length).toBeLessThanOrEqual(4);
  // The rest of the room is another's.
  const other = begin('Length');
  other.stream.write(framed(limit).subarray(0, limit / 4));
  let most = 0;
  let left = messages + 3;
  while (left > 0) {
    while (unanswered.length === 0 && !stream.closed) await turn();
    most = Math.max(most, bounds.held);
    const call = answerOne();
    left--;
    if (left === 0) call.end();
  }
  const all = `${0.9 * limit};`.repeat(messages);
  expect(await answer).toMatchObject({ status: status.OK, text: `${all}1;2;3;` });
  expect(most).toBeLessThanOrEqual(4 * limit);
  other.stream.close();
  await heldIs(0);
});

/** Nothing more comes. */
async function heldIsStill(): Promise<void> {
  for (let quiet = 0, last = -1; quiet < 200; quiet++, await turn()) {
    if (bounds.held !== last) quiet = 0;
    last = bounds.held;
  }
}
