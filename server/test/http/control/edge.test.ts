import { readdirSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Edge, errorOf } from './edge.ts';

let edge: Edge;
beforeAll(async () => {
  edge = await Edge.start();
});
afterAll(() => edge.end());

describe('with keys', () => {
  let locked: Edge;
  beforeAll(async () => {
    locked = await Edge.start({ keys: 'anna:a-key-that-is-long-enough\nben:another-key-that-is-long\n' });
  });
  afterAll(() => locked.end());

  test.each([
    '/api/models',
    '/%61pi/models',
    '/ap%69/models',
    'http://x/api/models',
    '/metrics',
    '/met%72ics',
    '/api/status?x=/health/live',
    '/api/openapi.json',
    '/api/events',
  ])('nobody without one reads %s, however it is written', async (path) => {
    expect((await locked.send('GET', path)).status).toBe(401);
    expect(
      (await locked.send('GET', path, { authorization: 'Bearer another-key-that-is-lonG' })).status,
    ).toBe(401);
  });

  test('nobody without one changes anything', async () => {
    const json = { 'content-type': 'application/json' };
    for (const path of ['/api/models/x/promote', '/%61pi/models/x/promote']) {
      expect((await locked.send('POST', path, json, '{"version":1}')).status).toBe(401);
    }
    expect((await locked.send('DELETE', '/api/models')).status).toBe(401);
  });

  test('with one, any host name will do: it is the key that counts', async () => {
    const authorization = 'bearer a-key-that-is-long-enough';
    const { status } = await locked.send('GET', '/api/models', { authorization, host: 'ml.example' });
    expect(status).toBe(200);
  });

  test('health and the page itself are no secret', async () => {
    expect((await locked.send('GET', '/health/live')).status).toBe(200);
    expect((await locked.send('GET', '/models/electricity')).headers['content-type']).toMatch(/html/);
  });
});

describe('who may ask', () => {
  test.each([
    'evil.example',
    'evil.example:PORT',
    'localhost:1',
    '127.0.0.1:1',
    'localhost.evil.example:PORT',
    '127.0.0.1.evil.example:PORT',
    'localhost',
    '[::1]:1',
  ])('not as "%s"', async (host) => {
    const answer = await edge.send('GET', '/api/models', { host: host.replace('PORT', String(edge.port)) });
    expect([answer.status, errorOf(answer).code]).toEqual([403, 'FORBIDDEN_ORIGIN']);
  });

  test.each(['127.0.0.1:PORT', 'LOCALHOST:PORT', '[::1]:PORT', '127.0.0.2:PORT'])('as "%s"', async (host) => {
    const { status } = await edge.send('GET', '/api/models', {
      host: host.replace('PORT', String(edge.port)),
    });
    expect(status).toBe(200);
  });

  test.each(['https://evil.example', 'null', 'http://localhost:1', 'nonsense', 'file://'])(
    'no page of %s',
    async (origin) => {
      for (const [method, path] of [
        ['GET', '/api/models'],
        ['POST', '/api/models/x/promote'],
        ['PUT', '/api/uploads'],
      ] as const) {
        const answer = await edge.send(method, path, { origin, 'content-type': 'application/json' }, '{}');
        expect([answer.status, errorOf(answer).code]).toEqual([403, 'FORBIDDEN_ORIGIN']);
      }
    },
  );

  test('its own page', async () => {
    const { status } = await edge.send('GET', '/api/models', { origin: `http://127.0.0.1:${edge.port}` });
    expect(status).toBe(200);
  });

  test.each([
    undefined,
    'text/plain',
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=x',
    '',
  ])('no form: %s', async (type) => {
    const headers: Record<string, string> = type === undefined ? {} : { 'content-type': type };
    const answer = await edge.send('POST', '/api/models/x/promote', headers, '{"version":1}');
    expect([answer.status, errorOf(answer).code]).toEqual([415, 'UNSUPPORTED_CONTENT_TYPE']);
    expect((await edge.send('PUT', '/api/uploads', headers, 'x')).status).toBe(415);
  });
});

describe('what cannot be answered', () => {
  test.each([
    ['DELETE', '/api/models', 'GET, HEAD'],
    ['POST', '/api/status', 'GET, HEAD'],
    ['GET', '/api/uploads', 'PUT'],
    ['PATCH', '/api/models/x/promote', 'POST'],
    ['OPTIONS', '/api/models/x/versions', 'GET, HEAD, POST'],
    ['PUT', '/health/live', 'GET, HEAD'],
  ])('%s %s names the methods there are', async (method, path, allow) => {
    const answer = await edge.send(method, path);
    expect([answer.status, errorOf(answer).code, answer.headers.allow]).toEqual([
      405,
      'METHOD_NOT_ALLOWED',
      allow,
    ]);
  });

  test.each([
    ['GET', '/api'],
    ['GET', '/api/'],
    ['GET', '/api/nothing'],
    ['POST', '/api/nothing'],
    ['POST', '/models/electricity'],
    ['GET', '/assets/nothing.js'],
    ['GET', '/health/nothing'],
    ['GET', '/assets/%2e%2e%2f%2e%2e%2fpackage.json'],
  ])('%s %s is nowhere', async (method, path) => {
    const answer = await edge.send(method, path);
    expect([answer.status, errorOf(answer).code]).toEqual([404, 'NOT_FOUND']);
  });

  test('what is nowhere says so whatever is sent there, and of what type', async () => {
    for (const [type, body] of [
      ['application/json', '{'],
      ['text/plain', 'x'],
      ['application/json', 'x'.repeat(2 ** 20 + 1)],
    ] as const) {
      const answer = await edge.send('POST', '/api/nothing', { 'content-type': type }, body);
      expect([answer.status, errorOf(answer).code]).toEqual([404, 'NOT_FOUND']);
    }
  });

  test.each([
    ['{"version":"1"}', 'body.version must be integer.'],
    ['{"version":null}', 'body.version must be integer.'],
    ['{}', 'body must have required properties version.'],
    ['[]', 'body must be object.'],
    ['{"version":1,"reson":"x"}', 'body.reson is no field of this request.'],
  ])('a promotion of %s', async (body, message) => {
    const answer = await edge.send(
      'POST',
      '/api/models/x/promote',
      { 'content-type': 'application/json' },
      body,
    );
    expect([answer.status, errorOf(answer)]).toMatchObject([400, { code: 'INVALID_REQUEST', message }]);
  });

  test('a choice that is none names the choices', async () => {
    const file = { name: 'x', digest: 'y' };
    const { message } = errorOf(
      await edge.json('POST', '/api/models/x/versions', { file, policy: { missing: 'no' } }),
    );
    expect(message).toBe('body.policy.missing must be one of "reject", "impute".');
    const classes = errorOf(await edge.json('POST', '/api/models/x/versions', { file, classes: [true] }));
    expect(classes.message).toBe('body.classes.0 must be string or number.');
  });

  test.each([
    '/api/timeline?limit=0',
    '/api/timeline?limit=x',
    '/api/models/x/versions/one',
    '/api/predictions',
  ])('GET %s', async (path) => {
    const answer = await edge.send('GET', path);
    expect([answer.status, errorOf(answer).code]).toEqual([400, 'INVALID_REQUEST']);
    expect(errorOf(answer).message).toMatch(/^(query|path)/);
  });

  test('JSON that is none, and too much of it', async () => {
    const json = { 'content-type': 'application/json' };
    const broken = await edge.send('POST', '/api/models/x/promote', json, '{"version":');
    expect([broken.status, errorOf(broken).code]).toEqual([400, 'INVALID_JSON']);
    const large = await edge.send('POST', '/api/models/x/promote', json, `{"a":"${'x'.repeat(2 ** 20)}"}`);
    expect([large.status, errorOf(large).code]).toEqual([413, 'BODY_TOO_LARGE']);
    expect(errorOf(large).hint).toContain('PUT /api/uploads');
  });

  test('an upload that is too large, whether it says so or not, leaves nothing', async () => {
    const before = readdirSync(edge.control.blobs.folder);
    const type = { 'content-type': 'application/octet-stream' };
    const said = await edge.send('PUT', '/api/uploads', type, Buffer.alloc(2 ** 20 + 1));
    expect([said.status, errorOf(said).code]).toEqual([413, 'BODY_TOO_LARGE']);
    expect(errorOf(said).hint).toContain('packed');
    const silent = await chunked(edge.port, 2 ** 20 + 1);
    expect(silent).toMatch(/^HTTP\/1\.1 413 /);
    expect(silent).toContain('BODY_TOO_LARGE');
    expect(readdirSync(edge.control.blobs.folder)).toEqual(before);
  });

  test('a malformed URL, and no stack anywhere', async () => {
    const answer = await edge.send('GET', '/api/models/%zz');
    expect([answer.status, errorOf(answer).code]).toEqual([400, 'INVALID_REQUEST']);
    expect(answer.text).not.toMatch(/\bat .*:\d+:\d+/);
  });
});

test('names that every object has are names like any other', async () => {
  for (const name of ['constructor', 'toString', 'hasOwnProperty']) {
    const answer = await edge.send('GET', `/api/models/${name}`);
    expect([answer.status, errorOf(answer).code]).toEqual([404, 'MODEL_NOT_FOUND']);
  }
});

test('uploads are kept under their SHA-256', async () => {
  const { status, text } = await edge.send(
    'PUT',
    '/api/uploads',
    { 'content-type': 'application/octet-stream' },
    'abc',
  );
  expect([status, JSON.parse(text)]).toEqual([
    201,
    { digest: 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad', bytes: 3 },
  ]);
});

test('every answer says what browsers may do with it', async () => {
  for (const path of ['/', '/api/models', '/api/nothing', '/health/live', '/metrics']) {
    const { headers } = await edge.send('GET', path);
    expect(headers, path).toMatchObject({
      'x-content-type-options': 'nosniff',
      'x-frame-options': 'DENY',
      'content-security-policy': expect.stringContaining("default-src 'self'"),
    });
  }
});

test('pages that the console knows are its one page, also for HEAD', async () => {
  for (const method of ['GET', 'HEAD']) {
    for (const path of ['/models/electricity/versions/2', '/models/churn.v2', '/models/model.json?open=1']) {
      const { status, headers } = await edge.send(method, path);
      expect([status, headers['content-type']], path).toEqual([200, 'text/html; charset=utf-8']);
    }
  }
  for (const path of ['/assets/none.js', '/none.svg', '/assets/none'])
    expect((await edge.send('GET', path)).status, path).toBe(404);
});

test('closing waits for what is being answered, and for no connection that is merely open', async () => {
  const own = await Edge.start();
  const agent = new Agent({ keepAlive: true });
  const slow = request({
    host: '127.0.0.1',
    port: own.port,
    method: 'PUT',
    path: '/api/uploads',
    headers: { 'content-type': 'application/octet-stream' },
    agent,
  });
  const answered = new Promise<number>((resolve, reject) => {
    slow.on('response', (response) => {
      response.resume();
      response.on('end', () => resolve(response.statusCode ?? 0));
    });
    slow.on('error', reject);
  });
  slow.write('half of it');
  while (readdirSync(own.control.blobs.folder).length === 0)
    await new Promise((resolve) => setTimeout(resolve, 5));
  const ended = own.end();
  slow.end('and the rest');
  expect(await answered).toBe(201);
  await ended;
  agent.destroy();
});

/** Uploads without saying how much, and returns all that came back. */
function chunked(port: number, bytes: number): Promise<string> {
  return new Promise((resolve) => {
    let text = '';
    const socket = connect(port, '127.0.0.1', () => {
      socket.write(
        `PUT /api/uploads HTTP/1.1\r\nhost: 127.0.0.1:${port}\r\ncontent-type: application/octet-stream\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n`,
      );
      socket.write(`${bytes.toString(16)}\r\n`);
      socket.write(Buffer.alloc(bytes));
      socket.write('\r\n0\r\n\r\n');
    });
    socket.on('data', (chunk) => {
      text += chunk;
    });
    socket.on('error', () => {});
    socket.on('close', () => resolve(text));
  });
}
