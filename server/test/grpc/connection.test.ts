import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { type ClientHttp2Stream, connect } from 'node:http2';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { status } from '@grpc/grpc-js';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Slipway, until } from '../processes/harness.ts';
import { GrpcClient, inference } from './client.ts';

const most = 1000;
let slipway: Slipway;

beforeAll(async () => {
  slipway = await Slipway.start();
});
afterAll(() => slipway.end());

test('a client that asks more at once than a connection may have open is answered everything', async () => {
  const client = new GrpcClient(slipway.grpc);
  const answers = await Promise.all(
    Array.from({ length: 3 * most }, () => client.ask<{ live: boolean }>('ServerLive', {})),
  );
  expect(answers.every(({ live }) => live)).toBe(true);
  client.close();
});

test('streams beyond what a connection may have open wait for one that ends', async () => {
  const session = connect(`http://${slipway.grpc}`);
  await once(session, 'remoteSettings');
  expect(session.remoteSettings.maxConcurrentStreams).toBe(most);
  let answered = 0;
  const open = (): ClientHttp2Stream => {
    const stream = session.request({
      ':method': 'POST',
      ':path': `/${inference}/ModelStreamInfer`,
      'content-type': 'application/grpc',
      te: 'trailers',
    });
    stream.on('error', () => {});
    stream.once('data', () => answered++);
    // A message without a byte: a request of no model, which gets its answer.
    stream.write(Buffer.alloc(5));
    return stream;
  };
  const streams = Array.from({ length: most + 20 }, open);
  await until(() => answered === most, 'as many as may be to be answered');
  for (const stream of streams.slice(0, 15)) stream.end();
  await until(() => answered === most + 15, 'those that waited to take the place of those that ended');
  session.destroy();
});

test('where keys are needed, probes need none, as over REST; all else does', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'slipway-keys-'));
  const key = 'a-key-that-is-long-enough';
  writeFileSync(join(folder, 'keys'), `ann:${key}\n`);
  const locked = await Slipway.start({ keyFile: join(folder, 'keys') });
  const client = new GrpcClient(locked.grpc);
  expect(await client.ask('ServerLive', {})).toEqual({ live: true });
  expect(await client.ask('ServerReady', {})).toEqual({ ready: true });
  expect(await client.ask('Check', {}, { service: 'grpc.health.v1.Health' })).toEqual({ status: 'SERVING' });
  for (const method of ['ServerMetadata', 'ModelReady', 'ModelInfer', 'RepositoryIndex'])
    await expect(client.ask(method, {}), method).rejects.toMatchObject({ code: status.UNAUTHENTICATED });
  await expect(client.stream('ModelStreamInfer', [{}])).rejects.toMatchObject({
    code: status.UNAUTHENTICATED,
  });
  const headers = { authorization: `Bearer ${key}` };
  expect(await client.ask('ServerMetadata', {}, { headers })).toMatchObject({ name: 'slipway' });
  client.close();
  await locked.end();
  rmSync(folder, { recursive: true, force: true });
});
