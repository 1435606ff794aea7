import { Agent, type IncomingHttpHeaders, request } from 'node:http';
import { status } from '@grpc/grpc-js';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { GrpcClient } from '../grpc/client.ts';
import { electricity, inRepository, Slipway, until } from './harness.ts';

/** Far more callers than a lane can answer, all at once and again as soon as they are answered. */
let slipway: Slipway;
const callers = 300;
/** Few enough for one turn of the lane, however slow the machine was when they were timed. */
const rows = electricity(9062, 9262).map(({ features }) => Object.values(features));
const body = JSON.stringify({
  inputs: [{ name: 'X', datatype: 'FP64', shape: [rows.length, 6], data: rows.flat() }],
});

beforeAll(async () => {
  slipway = await Slipway.start();
  await slipway.deploy('electricity', inRepository('examples/electricity/model.txt'));
});
afterAll(() => slipway.end());

interface Answer {
  status: number;
  headers: IncomingHttpHeaders;
  body: string;
}

function post(agent: Agent, path: string, content: string): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(content) };
    const outgoing = request(
      new URL(path, slipway.dataPlane),
      { method: 'POST', agent, headers },
      (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (chunk: string) => {
          text += chunk;
        });
        response.on('error', reject);
        response.on('end', () =>
          resolve({ status: response.statusCode!, headers: response.headers, body: text }),
        );
      },
    );
    outgoing.on('error', reject);
    outgoing.end(content);
  });
}

const metric = async (name: string): Promise<number> => {
  const { body: text } = await slipway.api<string>('GET', '/metrics');
  return Number(new RegExp(`^${name}(?:{[^}]*})? (\\S+)`, 'm').exec(text)![1]);
};

test('what is too much is refused at once, all else is answered, and labels and health always are', async () => {
  const agent = new Agent({ keepAlive: true, maxSockets: callers });
  const grpc = new GrpcClient(slipway.grpc);
  const before = await metric('slipway_process_resident_bytes{process="lane-1"}');
  const answers = new Map<number, number>();
  let refusedByGrpc = 0;
  let stop = false;
  const callHttp = async (): Promise<void> => {
    while (!stop) {
      const answer = await post(agent, '/v2/models/electricity/infer', body);
      answers.set(answer.status, (answers.get(answer.status) ?? 0) + 1);
      if (answer.status === 503) {
        expect(answer.headers['retry-after']).toBe('1');
        expect(answer.headers.connection).toBe('keep-alive');
        expect(JSON.parse(answer.body).error).toMatch(/^OVERLOADED: /);
      }
    }
  };
  const callGrpc = async (): Promise<void> => {
    while (!stop) {
      const asked = grpc.ask('ModelInfer', {
        model_name: 'electricity',
        inputs: [{ name: 'X', datatype: 'FP64', shape: [1, 6], contents: { fp64_contents: rows[0] } }],
      });
      await asked.catch((error: { code: number; details: string }) => {
        expect(error.code).toBe(status.UNAVAILABLE);
        expect(error.details).toMatch(/^OVERLOADED: /);
        refusedByGrpc++;
      });
    }
  };
  const all = Promise.all([
    ...Array.from({ length: callers }, callHttp),
    ...Array.from({ length: 20 }, callGrpc),
  ]);
  await until(() => (answers.get(503) ?? 0) > 1000 && refusedByGrpc > 0, 'refusals by both edges');
  // One at a time, through the same lane, without an agent of their own kind of patience.
  for (let k = 0; k < 5; k++) {
    expect((await slipway.data('GET', '/health/ready')).status).toBe(200);
    expect((await slipway.label({ model: 'electricity', key: `k-${k}`, label: 1 }, false)).status).toBe(202);
  }
  stop = true;
  await all;
  expect([...answers.keys()].sort()).toEqual([200, 503]);
  expect(answers.get(200)).toBeGreaterThan(0);
  // What was answered is journaled and counted, what was refused is counted.
  expect(await metric('slipway_requests_total{model="electricity",code="ok"}')).toBeGreaterThanOrEqual(
    answers.get(200)!,
  );
  expect(await metric('slipway_refused_total')).toBe(answers.get(503)! + refusedByGrpc);
  const { body: one } = await slipway.predict<{ version: number }>('electricity', {
    features: electricity(9062, 9063)[0]!.features,
  });
  expect(one.version).toBe(1);
  expect((await metric('slipway_process_resident_bytes{process="lane-1"}')) - before).toBeLessThan(400e6);
  agent.destroy();
  grpc.close();
});

test('what a model on onnxruntime cannot answer in time is refused, though its calls wait behind the turns', async () => {
  await slipway.deploy('digits', inRepository('spec/models/onnx_mlp/model.onnx'));
  const agent = new Agent({ keepAlive: true, maxSockets: callers });
  const shape = [32, 64];
  const data = Array.from({ length: 32 * 64 }, (_, k) => (k * k) % 17);
  const digits = JSON.stringify({ inputs: [{ name: 'X', datatype: 'FP32', shape, data }] });
  const answers = new Map<number, number>();
  const outputs = new Set<string>();
  const ask = async (): Promise<number> => {
    const answer = await post(agent, '/v2/models/digits/infer', digits);
    answers.set(answer.status, (answers.get(answer.status) ?? 0) + 1);
    if (answer.status === 200) outputs.add(JSON.stringify(JSON.parse(answer.body).outputs));
    return answer.status;
  };
  expect(await ask()).toBe(200);
  let stop = false;
  const all = Array.from({ length: callers }, async () => {
    while (!stop) await ask();
  });
  await until(() => (answers.get(503) ?? 0) > 500, 'refusals');
  stop = true;
  await Promise.all(all);
  expect([...answers.keys()].sort()).toEqual([200, 503]);
  expect(await metric('slipway_requests_total{model="digits",code="ok"}')).toBe(answers.get(200));
  // However many it came with, a request gets its own rows.
  expect(outputs.size).toBe(1);
  expect(await ask()).toBe(200);
  agent.destroy();
});

test('a request of very many rows is one answer, one call and one record, though others have their turn meanwhile', async () => {
  const agent = new Agent({ keepAlive: true });
  const times = 100;
  const asked = async (count: number): Promise<{ outputs: { name: string; data: number[] }[] }> => {
    const data = Array.from({ length: count }, () => rows.flat()).flat();
    const inputs = [{ name: 'X', datatype: 'FP64', shape: [count * rows.length, 6], data }];
    const answer = await post(agent, '/v2/models/electricity/infer', JSON.stringify({ inputs }));
    expect(answer.status, answer.body.slice(0, 300)).toBe(200);
    return JSON.parse(answer.body);
  };
  const counts = async (): Promise<{ inference_count: number; execution_count: number }> => {
    const answer = await fetch(new URL('/v2/models/electricity/stats', slipway.dataPlane));
    return ((await answer.json()) as { model_stats: [Awaited<ReturnType<typeof counts>>] }).model_stats[0];
  };
  const once = await asked(1);
  const before = await counts();
  const [long, short] = await Promise.all([asked(times), asked(1)]);
  expect(short.outputs.map(({ data }) => data)).toEqual(once.outputs.map(({ data }) => data));
  for (const [k, { name, data }] of once.outputs.entries()) {
    expect(long.outputs[k]!.name).toBe(name);
    expect(long.outputs[k]!.data).toEqual(Array.from({ length: times }, () => data).flat());
  }
  const after = await counts();
  expect(after.inference_count - before.inference_count).toBe((times + 1) * rows.length);
  expect(after.execution_count - before.execution_count).toBe(2);
  agent.destroy();
});
