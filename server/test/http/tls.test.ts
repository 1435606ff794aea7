import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, request } from 'node:https';
import { type AddressInfo, connect } from 'node:net';
import { connect as connectSecurely } from 'node:tls';
import { Client, credentials } from '@grpc/grpc-js';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { refuseUnread } from '../../src/http/refuse-unread.ts';
import { inRepository, Slipway } from '../processes/harness.ts';

/** A certificate of its own for localhost, valid for a hundred years. */
const place = (name: string): string => inRepository(`server/test/http/tls/${name}.pem`);
const ca = readFileSync(place('cert'));
let slipway: Slipway;
beforeAll(async () => {
  slipway = await Slipway.start({ tls: { cert: place('cert'), key: place('key') } });
});
afterAll(() => slipway.end());

const get = (url: string): Promise<number> =>
  new Promise((resolve, reject) => {
    const outgoing = request(url, { ca }, (response) => {
      response.resume();
      resolve(response.statusCode!);
    });
    outgoing.on('error', reject);
    outgoing.end();
  });

test('every address speaks TLS, and nothing else', async () => {
  for (const address of [slipway.dataPlane, slipway.control]) {
    expect(address).toMatch(/^https:/);
    expect(await get(`${address}/health/live`)).toBe(200);
    await expect(fetch(address.replace('https:', 'http:'))).rejects.toThrow();
  }
  const live = (secure: boolean): Promise<Buffer> => {
    const client = new Client(
      slipway.grpc,
      secure ? credentials.createSsl(ca) : credentials.createInsecure(),
      // grpc-js names the address itself otherwise, which TLS forbids for numbers.
      secure ? { 'grpc.ssl_target_name_override': 'localhost' } : {},
    );
    const same = (bytes: Buffer): Buffer => bytes;
    return new Promise<Buffer>((resolve, reject) => {
      const deadline = { deadline: Date.now() + 20_000 };
      client.makeUnaryRequest(
        '/inference.GRPCInferenceService/ServerLive',
        same,
        same,
        Buffer.alloc(0),
        deadline,
        (error, value) => (error ? reject(error) : resolve(value!)),
      );
    }).finally(() => client.close());
  };
  expect([...(await live(true))]).toEqual([8, 1]);
  await expect(live(false)).rejects.toThrow();
});

test('very many requests at once are all answered', async () => {
  const count = 3000;
  const { port } = new URL(slipway.dataPlane);
  const socket = connectSecurely({ port: Number(port), host: 'localhost', ca }).setEncoding('latin1');
  const one = 'GET /health/live HTTP/1.1\r\nhost: localhost\r\n\r\n';
  const last = one.replace('\r\n\r\n', '\r\nconnection: close\r\n\r\n');
  let came = '';
  socket.on('data', (part: string) => {
    came += part;
  });
  socket.write(one.repeat(count - 1) + last);
  await once(socket, 'close');
  expect(came.match(/HTTP\/1\.1 200 /g)).toHaveLength(count);
});

test('a connection on which TLS is not agreed on ends', async () => {
  const server = createServer({ cert: ca, key: readFileSync(place('key')), handshakeTimeout: 50 });
  server.on('clientError', refuseUnread);
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = server.address() as AddressInfo;
  for (const said of ['', 'GET / HTTP/1.1\r\n\r\n']) {
    const socket = connect(port, '127.0.0.1').resume();
    socket.on('error', () => {});
    socket.write(said);
    await once(socket, 'close');
  }
  // Not before the last of its connections has ended.
  await new Promise((resolve) => server.close(resolve));
});

test('files that are no certificate and key are named at the start', async () => {
  await expect(Slipway.start({ tls: { cert: place('cert'), key: '/nowhere' } })).rejects.toMatchObject({
    code: 'TLS_UNREADABLE',
  });
  await expect(Slipway.start({ tls: { cert: place('key'), key: place('cert') } })).rejects.toMatchObject({
    code: 'TLS_UNREADABLE',
  });
});
