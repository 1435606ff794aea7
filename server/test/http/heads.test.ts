import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { electricity, inRepository, Slipway, until } from '../processes/harness.ts';

/** What HTTP lets a request's head say, and few clients do, byte by byte, on a real Slipway. */
let slipway: Slipway;
const [row] = electricity(9062, 9063);
const body = JSON.stringify({ features: row!.features });
const bodyLimit = 100_000;

beforeAll(async () => {
  slipway = await Slipway.start({ bodyLimit });
  expect((await slipway.deploy('electricity', inRepository('examples/electricity/model.txt'))).status).toBe(
    201,
  );
});
afterAll(() => slipway.end());

/** A connection, and all that has come on it. */
class Caller {
  static readonly all: Caller[] = [];
  readonly socket: Socket = connect(Number(new URL(slipway.dataPlane).port), '127.0.0.1');
  came = '';
  readonly closed: Promise<unknown> = once(this.socket, 'close');

  constructor() {
    Caller.all.push(this);
    this.socket.setEncoding('utf8').on('data', (part: string) => {
      this.came += part;
    });
  }

  head(first: string, ...headers: string[]): void {
    this.socket.write([first, ...headers, '', ''].join('\r\n'));
  }

  get statuses(): number[] {
    return [...this.came.matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, status]) => Number(status));
  }

  async has(...statuses: number[]): Promise<void> {
    await until(() => this.statuses.length >= statuses.length, `${statuses}`);
    expect(this.statuses).toEqual(statuses);
  }
}
afterEach(() => {
  for (const { socket } of Caller.all.splice(0)) socket.destroy();
});

describe('a target in absolute form', () => {
  const ask = async (first: string, host: string): Promise<string> => {
    const caller = new Caller();
    caller.head(`${first} HTTP/1.1`, `host: ${host}`, `content-length: ${body.length}`, 'connection: close');
    caller.socket.write(body);
    await caller.closed;
    return caller.came;
  };

  test.each([
    ['POST http://127.0.0.1:8080/predict/electricity', 200],
    ['POST HTTP://localhost/predict/electricity?more', 200],
    ['POST https://[::1]/predict/electricity', 200],
    ['GET http://localhost', 200],
    ['GET http://localhost/', 200],
    ['GET http://localhost?more', 200],
    ['GET http://localhost/v2/health/ready', 200],
    ['GET http://localhost/predict/electricity', 405],
    ['POST http://localhost/predict/nobody', 404],
  ])('%s: %i', async (first, status) => {
    expect(await ask(first, 'localhost')).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
  });

  test('is the path of errors, too', async () => {
    const answer = await ask('POST http://localhost/v2/models/nobody/infer', 'localhost');
    expect(answer).toContain('{"error":"MODEL_NOT_FOUND: ');
  });

  test('names the server, whatever Host says', async () => {
    const path = '/predict/electricity';
    expect(await ask(`POST http://localhost${path}`, 'slipway.example.com')).toContain('200 OK');
    expect(await ask(`POST http://slipway.example.com${path}`, 'localhost')).toContain('FORBIDDEN_ORIGIN');
  });

  test.each([
    'http:///predict/electricity',
    'http://me@localhost/predict/electricity',
    'ftp://localhost/',
    '*',
  ])('%s is nowhere', async (target) => {
    expect(await ask(`OPTIONS ${target}`, 'localhost')).toMatch(/^HTTP\/1.1 404 /);
  });
});

describe('Expect: 100-continue', () => {
  const expects = ['host: localhost', 'expect: 100-continue'];

  test('a body that is taken is asked for, and the connection goes on', async () => {
    const caller = new Caller();
    for (const before of [[], [100, 200]]) {
      caller.head('POST /predict/electricity HTTP/1.1', ...expects, `content-length: ${body.length}`);
      await caller.has(...before, 100);
      caller.socket.write(body);
      await caller.has(...before, 100, 200);
    }
  });

  test.each([
    ['a body beyond the limit', 'POST /predict/electricity', bodyLimit + 1, 413],
    ['labels beyond the limit', 'POST /labels', bodyLimit + 1, 413],
    ['tensors beyond the limit', 'POST /v2/models/electricity/infer', bodyLimit + 1, 413],
    ['a path that is none', 'POST /nowhere', 10, 404],
    ['another method', 'PUT /predict/electricity', 10, 405],
  ])('%s is refused before it comes', async (_what, first, length, status) => {
    const caller = new Caller();
    caller.head(`${first} HTTP/1.1`, ...expects, `content-length: ${length}`);
    await caller.closed;
    expect(caller.statuses).toEqual([status]);
  });

  test('a body whose length is not said is asked for, and refused where it is too long', async () => {
    const caller = new Caller();
    caller.head('POST /predict/electricity HTTP/1.1', ...expects, 'transfer-encoding: chunked');
    await caller.has(100);
    const chunk = ' '.repeat(bodyLimit + 1);
    caller.socket.write(`${chunk.length.toString(16)}\r\n${chunk}\r\n0\r\n\r\n`);
    await caller.has(100, 413);
  });

  test('HTTP/1.0 knows no such thing: it is asked for nothing', async () => {
    const caller = new Caller();
    caller.head('POST /predict/electricity HTTP/1.0', ...expects, `content-length: ${body.length}`);
    caller.socket.write(body);
    await caller.closed;
    expect(caller.statuses).toEqual([200]);
  });
});

describe('what cannot be read is refused with a code and what to do', () => {
  const post = (path: string, ...headers: string[]) =>
    [`POST ${path} HTTP/1.1`, 'host: localhost', ...headers, '', ''].join('\r\n');
  const whole = post('/predict/electricity', `content-length: ${body.length}`) + body;
  const after = async (...parts: string[]): Promise<Caller> => {
    const caller = new Caller();
    for (const part of parts) caller.socket.write(part);
    await caller.closed;
    return caller;
  };

  test.each([
    ['no HTTP', 'nonsense\r\n\r\n', 400, 'INVALID_REQUEST'],
    ['a length that is none', post('/predict/electricity', 'content-length: x'), 400, 'INVALID_REQUEST'],
    ['two lengths', post('/labels', 'content-length: 2', 'content-length: 3'), 400, 'INVALID_REQUEST'],
    ['too long a head', post('/labels', `x: ${'x'.repeat(20_000)}`), 431, 'HEAD_TOO_LARGE'],
    ['a broken chunk', `${post('/labels', 'transfer-encoding: chunked')}zz\r\n`, 400, 'INVALID_REQUEST'],
  ])('%s', async (_what, sent, status, code) => {
    const { came, statuses } = await after(sent);
    expect(statuses).toEqual([status]);
    const [head, text] = came.split('\r\n\r\n');
    expect(head).toMatch(/content-type: application\/json\r\n/);
    expect(JSON.parse(text!)).toEqual({
      error: { code, message: expect.any(String), hint: expect.any(String) },
    });
  });

  test('after the answers to what was asked before, in whichever parts it comes', async () => {
    const nonsense = 'nonsense\r\n\r\n';
    for (const parts of [[whole + nonsense], [whole, nonsense], [whole + whole + whole + nonsense]]) {
      const asked = parts.join('').split('POST').length - 1;
      const { statuses } = await after(...parts);
      expect(statuses).toEqual([...Array<number>(asked).fill(200), 400]);
    }
  });

  test('not a second time, where its answer has left already', async () => {
    const caller = new Caller();
    caller.socket.write(post('/nowhere', 'transfer-encoding: chunked'));
    await caller.has(404);
    caller.socket.write('zz\r\n');
    await caller.closed;
    expect(caller.statuses).toEqual([404]);
  });

  test.each([
    ['none', [], 400],
    ['two', ['host: localhost', 'Host: localhost'], 400],
    ['one', ['HOST: localhost'], 404],
  ])('Host: %s', async (_what, hosts, status) => {
    const caller = new Caller();
    caller.head('GET /nowhere HTTP/1.1', ...hosts, 'connection: close');
    await caller.closed;
    expect(caller.statuses).toEqual([status]);
    expect(caller.came).toContain('"hint":');
  });

  test('what else is expected is left alone', async () => {
    const { statuses } = await after(
      post('/predict/electricity', 'expect: more', 'connection: close', `content-length: ${body.length}`) +
        body,
    );
    expect(statuses).toEqual([200]);
  });

  test('by control, too', async () => {
    const port = Number(new URL(slipway.control).port);
    const socket = connect(port, '127.0.0.1').setEncoding('utf8');
    let came = '';
    socket.on('data', (part: string) => {
      came += part;
    });
    socket.write('nonsense\r\n\r\n');
    await once(socket, 'close');
    expect(came).toMatch(/^HTTP\/1\.1 400 .*"code":"INVALID_REQUEST"/s);
  });
});
