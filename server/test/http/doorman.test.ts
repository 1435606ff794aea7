import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { type AddressInfo, connect, createServer as createNetServer, type Socket } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Doorman } from '../../src/http/data/doorman.ts';
import { plainRequest } from '../../src/http/data/plain-request.ts';
import { readShared } from '../../src/http/data/shared-read.ts';
import { seeded } from '../models/forest/random-forest.ts';

/** A server that says of each request what it has read, or refuses it, with a doorman before it. */
const random = seeded(5);
let refusedByNode = 0;
let refusedUnread = 0;
let isFull = (): boolean => false;
const refusal = 'HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n';
const doorman = new Doorman(() => {
  if (!isFull()) return null;
  refusedUnread++;
  return Buffer.from(refusal);
});
const server: Server = createServer((request, response) => {
  doorman.came(request, response);
  if (isFull()) {
    refusedByNode++;
    response.writeHead(503, { 'content-length': 0 }).end();
    return;
  }
  let body = '';
  request.setEncoding('latin1').on('data', (chunk: string) => {
    body += chunk;
  });
  request.on('end', () => {
    const said = JSON.stringify([request.url, body, request.rawHeaders.length / 2]);
    response.writeHead(200, { 'content-length': Buffer.byteLength(said) }).end(said);
  });
});
// An idle connection is not ended, and so none in place of another.
server.keepAliveTimeout = 300_000;
let requestMs = 300_000;
server.on('connection', (socket) => doorman.watch(socket, requestMs));
let port = 0;
beforeAll(async () => {
  await once(server.listen(0, '127.0.0.1'), 'listening');
  ({ port } = server.address() as AddressInfo);
});
afterAll(() => {
  server.close();
  server.closeAllConnections();
});

class Caller {
  readonly #socket: Socket = connect({ port, host: '127.0.0.1', noDelay: true });
  #text = '';
  #ended = false;
  #wake: () => void = () => {};

  constructor() {
    this.#socket.setEncoding('latin1').on('data', (chunk: string) => {
      this.#text += chunk;
      this.#wake();
    });
    this.#socket.on('error', () => {});
    this.#socket.on('close', () => {
      this.#ended = true;
      this.#wake();
    });
  }

  write(bytes: Buffer): void {
    this.#socket.write(bytes);
  }

  /** So many answers, status and body, from the first on; fewer if it hung up. */
  async answers(count: number): Promise<[number, string][]> {
    for (;;) {
      const all = [...this.#all()];
      if (all.length >= count || this.#ended) return all;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  close(): void {
    this.#socket.destroy();
  }

  *#all(): Generator<[number, string]> {
    for (let at = 0; ; ) {
      const end = this.#text.indexOf('\r\n\r\n', at);
      if (end < 0) return;
      const head = this.#text.slice(at, end);
      const length = Number(/content-length: (\d+)/i.exec(head)?.[1] ?? 0);
      if (this.#text.length < end + 4 + length) return;
      yield [Number(head.slice(9, 12)), this.#text.slice(end + 4, end + 4 + length)];
      at = end + 4 + length;
    }
  }
}

const pick = <T>(of: readonly T[]): T => of[Math.floor(random() * of.length)]!;
let made = 0;

/** A request, and what a server that reads it says. */
function request(): { bytes: Buffer; says: string } {
  const path = `${pick(['/predict/m', '/v2/models/m/infer', '/v1/models/m:predict', '/labels'])}?${made++}`;
  // Bodies that look like requests: whoever takes one for a request answers once too often.
  const inner = 'POST /predict/evil HTTP/1.1\r\ncontent-length: 0\r\n\r\n';
  const body = pick(['', '{}', inner, `x${inner}`, inner.repeat(3), 'y'.repeat(70_000)]);
  const extra = pick(['', 'a: b\r\n', 'Connection: keep-alive\r\n', 'cookie: POST /predict/a HTTP/1.1\r\n']);
  const lines = extra === '' ? 2 : 3;
  if (random() < 0.15) {
    const chunked = body === '' ? '' : `${body.length.toString(16)}\r\n${body}\r\n`;
    const head = `POST ${path} HTTP/1.1\r\nhost: x\r\n${extra}transfer-encoding: chunked\r\n\r\n`;
    return {
      bytes: Buffer.from(`${head}${chunked}0\r\n\r\n`),
      says: JSON.stringify([path, body, lines]),
    };
  }
  const name = pick(['content-length: ', 'Content-Length:', 'CONTENT-LENGTH: \t']);
  const head = `POST ${path} HTTP/1.1\r\nhost: x\r\n${extra}${name}${body.length}\r\n\r\n`;
  return { bytes: Buffer.from(head + body), says: JSON.stringify([path, body, lines]) };
}

test('every request gets one answer, in order and its own, however it comes and whoever refuses it', async () => {
  isFull = () => random() < 0.6;
  for (let connection = 0; connection < 60; connection++) {
    const caller = new Caller();
    const wanted: string[] = [];
    for (let burst = 0; burst < 8; burst++) {
      // One in one piece, mostly; or several, cut anywhere.
      const requests = Array.from({ length: random() < 0.7 ? 1 : 3 }, request);
      wanted.push(...requests.map(({ says }) => says));
      const bytes = Buffer.concat(requests.map((one) => one.bytes));
      const cut = random() < 0.6 ? bytes.length : Math.floor(random() * bytes.length);
      caller.write(bytes.subarray(0, cut));
      if (cut < bytes.length) {
        for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
        caller.write(bytes.subarray(cut));
      }
      if (random() < 0.8) await caller.answers(wanted.length);
    }
    const answers = await caller.answers(wanted.length);
    expect(answers.length).toBe(wanted.length);
    for (const [k, [status, body]] of answers.entries()) expect(status === 503 ? '' : wanted[k]).toBe(body);
    caller.close();
  }
  expect(refusedByNode).toBeGreaterThan(0);
  expect(refusedUnread).toBeGreaterThan(0);
});

test('what it takes for a request and nothing besides, node:http reads as just that', async () => {
  isFull = () => false;
  const whole = 'POST /predict/m HTTP/1.1\r\nhost: x\r\naccept: */*\r\ncontent-length: 2\r\n\r\n{}';
  expect(plainRequest(Buffer.from(whole))).toEqual({ head: whole.length - 2, left: 0 });
  expect(plainRequest(Buffer.from(whole.slice(0, -2)))).toEqual({ head: whole.length - 2, left: 2 });
  const pieces = [
    '\r',
    '\n',
    '\r\n',
    ' ',
    ':',
    '\0',
    'transfer-encoding: chunked\r\n',
    'content-length: 1\r\n',
    ',',
    '\t',
    '0',
    '\x0f',
    'é',
  ];
  let plain = 0;
  for (let k = 0; k < 3000; k++) {
    let text = whole;
    for (let change = 0; change <= k % 2; change++) {
      const at = Math.floor(random() * text.length);
      text = text.slice(0, at) + pick(pieces) + text.slice(at + (random() < 0.5 ? 1 : 0));
    }
    // A request without a host is node:http's to refuse; it ends where it seems to.
    if (!text.includes('\r\nhost: x\r\n')) continue;
    const bytes = Buffer.from(text, 'latin1');
    const { head = 0, left = -1 } = plainRequest(bytes) ?? {};
    if (left < 0) continue;
    const headers = bytes.toString('latin1', 0, head).split('\r\n').length - 3;
    plain++;
    const caller = new Caller();
    // What follows at once tells where it ended.
    caller.write(
      Buffer.concat([bytes, Buffer.alloc(left, 'x'), Buffer.from('GET /next HTTP/1.1\r\nhost: x\r\n\r\n')]),
    );
    const [[status, first], [, next]] = (await caller.answers(2)) as [[number, string], [number, string]];
    expect([status, JSON.parse(first)[2], JSON.parse(next)[0]], JSON.stringify(text)).toEqual([
      200,
      headers,
      '/next',
    ]);
    caller.close();
  }
  expect(plain).toBeGreaterThan(100);
});

test('the body of a refused request that does not come in time ends its connection', async () => {
  requestMs = 0;
  const caller = new Caller();
  const head = 'POST /predict/m HTTP/1.1\r\nhost: x\r\ncontent-length: 3\r\n\r\n';
  isFull = () => false;
  caller.write(Buffer.from(`${head}abc`));
  await caller.answers(1);
  isFull = () => true;
  const before = refusedUnread;
  caller.write(Buffer.from(head));
  expect((await caller.answers(2)).length).toBe(2);
  expect(refusedUnread).toBe(before + 1);
  caller.write(Buffer.from('a'));
  // It ends.
  expect((await caller.answers(3)).length).toBe(2);
  requestMs = 300_000;
});

test('this Node reads what a server has accepted into one buffer for all', async () => {
  const buffers = new Set<ArrayBufferLike>();
  let text = '';
  const echo = createNetServer((socket) => {
    const isShared = readShared(socket, (chunk) => {
      buffers.add(chunk.buffer);
      text += chunk.toString('latin1');
    });
    expect(isShared).toBe(true);
    socket.on('data', () => expect.fail('came as data')).on('end', () => socket.end());
  });
  await once(echo.listen(0, '127.0.0.1'), 'listening');
  for (const name of ['a', 'b']) {
    const caller = connect({ port: (echo.address() as AddressInfo).port, host: '127.0.0.1' });
    caller.resume().end(name.repeat(300_000));
    await once(caller, 'close');
  }
  echo.close();
  expect(buffers.size).toBe(1);
  expect(text).toBe('a'.repeat(300_000) + 'b'.repeat(300_000));
});

test('what is a request as a body, and makes a head with what comes next, is never taken for one', async () => {
  const post = (length: number): string =>
    `POST /predict/m HTTP/1.1\r\nhost: x\r\ncontent-length: ${length}\r\n\r\n`;
  const half = 'GET /half HTTP/1.1\r\nhost: x\r\na: ';
  // What follows has as many headers, or the very same.
  const live = `GET /live HTTP/1.1\r\nhost: x\r\na: b\r\n\r\n${half}`;
  for (const rest of [live, (post(200) + half).padEnd(200)]) {
    isFull = () => false;
    const caller = new Caller();
    const body = post(rest.length);
    caller.write(Buffer.from(`GET /first HTTP/1.1\r\nhost: x\r\ncontent-length: ${body.length}\r\n\r\n`));
    for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
    caller.write(Buffer.from(body + rest));
    await caller.answers(rest === live ? 2 : 1);
    isFull = () => true;
    const before = refusedUnread;
    caller.write(Buffer.from(post(0)));
    for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setImmediate(resolve));
    expect(refusedUnread).toBe(before);
    caller.close();
  }
});

test('what has come on many connections holds no turn for long, and nothing of it is lost', async () => {
  const count = 12;
  const sockets: Socket[] = [];
  const slow = createNetServer({ pauseOnConnect: true }, (socket) => sockets.push(socket));
  await once(slow.listen(0, '127.0.0.1'), 'listening');
  const { port: at } = slow.address() as AddressInfo;
  const sent = Array.from({ length: count }, (_, k) => String.fromCharCode(97 + k).repeat(50_000));
  const callers = sent.map((all) => connect({ port: at, host: '127.0.0.1' }).resume().end(all));
  const closed = Promise.all(callers.map((caller) => once(caller, 'close')));
  while (sockets.length < count) await new Promise((resolve) => setTimeout(resolve, 10));
  const read: string[] = [];
  let inTurn = 0;
  let most = 0;
  for (const socket of sockets) {
    let text = '';
    readShared(socket, (chunk) => {
      if (inTurn++ === 0)
        setImmediate(() => {
          inTurn = 0;
        });
      most = Math.max(most, inTurn);
      text += chunk.toString('latin1');
      for (const until = performance.now() + 30; performance.now() < until; );
    });
    socket
      .on('data', () => {})
      .on('end', () => {
        read.push(text);
        socket.end();
      });
    socket.resume();
  }
  await closed;
  slow.close();
  // 50 ms of it with the one that passes them, and as much of what was kept.
  expect(most).toBeLessThanOrEqual(4);
  expect(read.sort()).toEqual(sent);
});
