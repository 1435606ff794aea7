import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { inRepository, Slipway } from '../processes/harness.ts';

/** Callers that close their side of the connection when they have asked, on a real Slipway. */
let slipway: Slipway;

beforeAll(async () => {
  slipway = await Slipway.start();
  for (const [model, file] of [
    ['electricity', 'examples/electricity/model.txt'],
    // On onnxruntime: not answered in the turn that it comes in.
    ['mlp', 'spec/models/onnx_mlp/model.onnx'],
    // In a process of its own, as long as a row makes it.
    ['slow', 'spec/models/onnx_loop_from_input/model.onnx'],
  ] as const) {
    const { status } = await slipway.deploy(model, inRepository(file), { serving: { timeoutMs: 120_000 } });
    expect(status).toBe(201);
  }
});
afterAll(() => slipway.end());

async function open(): Promise<Socket> {
  const socket = connect({
    host: '127.0.0.1',
    port: Number(new URL(slipway.dataPlane).port),
    allowHalfOpen: true,
  });
  await once(socket, 'connect');
  return socket;
}

/** What has come to the lane is read by it: what comes on several connections at once, in any order. */
async function untilRead(): Promise<void> {
  expect((await slipway.data('GET', '/v2/health/live')).status).toBe(200);
}

/** All that comes until the other side closes, too. */
async function read(socket: Socket): Promise<string> {
  const parts: Buffer[] = [];
  for await (const part of socket) parts.push(part as Buffer);
  return Buffer.concat(parts).toString('latin1');
}

/** Answers' first lines. Whom the machine keeps from its turn for longer than a lane takes for patience asks again. */
async function answersTo(parts: Buffer[]): Promise<string[]> {
  for (let tries = 0; ; tries++) {
    const socket = await open();
    for (const [i, part] of parts.entries()) {
      // Longer than a lane takes for patience.
      if (i > 0) await new Promise((resolve) => setTimeout(resolve, 300));
      socket.write(part);
    }
    socket.end();
    const answers = (await read(socket)).match(/HTTP\/1\.1 \d+/g) ?? [];
    if (answers.length > 0 || tries === 10) return answers;
  }
}

function post(path: string, body: object | Buffer, headers: string[] = []): Buffer {
  const bytes = Buffer.isBuffer(body) ? body : Buffer.from(JSON.stringify(body));
  const head = [`POST ${path} HTTP/1.1`, 'host: a', `content-length: ${bytes.length}`, ...headers, '', ''];
  return Buffer.concat([Buffer.from(head.join('\r\n')), bytes]);
}

const tensors = (size: number, datatype: string) => ({
  inputs: [{ name: 'X', datatype, shape: [1, size], data: Array.from({ length: size }, () => 1) }],
});
const electricity = tensors(6, 'FP64');
const infer = '/v2/models/electricity/infer';

test.each<[string, count: number, bytes: () => Buffer]>([
  ['a model in the lane', 1, () => post(infer, electricity)],
  ['onnxruntime', 1, () => post('/v2/models/mlp/infer', tensors(64, 'FP32'))],
  ['a model in a process of its own', 1, () => post('/predict/slow', { features: { x: 0.5, rounds: 10 } })],
  [
    'a compressed body',
    1,
    () => post(infer, gzipSync(JSON.stringify(electricity)), ['content-encoding: gzip']),
  ],
  ['what control knows', 1, () => Buffer.from('GET /v2/models/stats HTTP/1.1\r\nhost: a\r\n\r\n')],
  [
    'two requests, one after the other',
    2,
    () => Buffer.concat([post(infer, electricity), post('/v2/models/mlp/infer', tensors(64, 'FP32'))]),
  ],
])('whoever has asked and says no more is answered: %s', async (_what, count, bytes) => {
  const expected = Array.from({ length: count }, () => 'HTTP/1.1 200');
  expect(await answersTo([bytes()])).toEqual(expected);
});

test('a body that takes its time is waited for, and so is its answer', async () => {
  const bytes = post('/v2/models/mlp/infer', tensors(64, 'FP32'));
  expect(await answersTo([bytes.subarray(0, -20), bytes.subarray(-20)])).toEqual(['HTTP/1.1 200']);
});

test('a request that is not whole when its caller says no more is refused', async () => {
  const socket = await open();
  socket.end(post(infer, electricity).subarray(0, -20));
  expect(await read(socket)).toMatch(/^HTTP\/1\.1 400 /);
});

test('whoever closes after waiting for a while has gone: nothing is begun on its behalf', async () => {
  const runs = async (): Promise<number> => {
    const { body } = await slipway.data<{ model_stats: { execution_count: number }[] }>(
      'GET',
      '/v2/models/slow/stats',
    );
    return body.model_stats[0]!.execution_count;
  };
  const before = await runs();
  // A scorer has one call in hand, and one ahead.
  const others: Promise<string>[] = [];
  for (const x of [0.5, 0.75]) {
    const other = await open();
    other.write(post('/predict/slow', { features: { x, rounds: 1_000_000 } }, ['connection: close']));
    others.push(read(other));
    await untilRead();
  }
  const socket = await open();
  const answer = read(socket);
  socket.write(post('/predict/slow', { features: { x: 0.25, rounds: 10 } }));
  await untilRead();
  await new Promise((resolve) => setTimeout(resolve, 200));
  socket.end();
  expect(await answer).toBe('');
  for (const other of await Promise.all(others)) expect(other).toMatch(/^HTTP\/1\.1 200 /);
  expect((await slipway.predict('slow', { features: { x: 0.5, rounds: 10 } })).status).toBe(200);
  expect(await runs()).toBe(before + 3);
});
