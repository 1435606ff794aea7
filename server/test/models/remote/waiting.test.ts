import type { IncomingMessage, ServerResponse } from 'node:http';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { readTrace } from '../../../src/trace.ts';
import type { Trouble } from '../../../src/trouble.ts';
import { nobody, type Waiting } from '../../../src/waiting.ts';
import { until } from '../../processes/harness.ts';
import { type GrpcServed, saying, serveGrpc, sums } from './grpc-upstream.ts';
import { attach, codeOf, predict } from './prepared.ts';
import { bodyOf, type Served, serve } from './upstream-of.ts';

/** What an upstream is told of who waits, and hears of them, whatever it speaks. */
interface Asked {
  header(name: string): string | undefined;
  /** How long it is waited for, ms. */
  told: number;
  /** Whether nobody waits any more. */
  isGone(): boolean;
}

let rest: Served;
let grpc: GrpcServed;
let asked: Asked[] = [];
/** `late`: it says itself that the time is up, when it is. */
let behave: 'answers' | 'hangs' | 'late' | 'fails' = 'answers';

async function overRest(request: IncomingMessage, response: ServerResponse): Promise<void> {
  if (request.method === 'GET') {
    const inputs = [{ name: 'x', datatype: 'FP64', shape: [-1, 2] }];
    response.end(JSON.stringify({ name: 'sum', versions: ['1'], platform: 'test', inputs }));
    return;
  }
  const told = Number(request.headers['x-envoy-expected-rq-timeout-ms']);
  asked.push({
    header: (name) => request.headers[name] as string | undefined,
    told,
    isGone: () => response.destroyed,
  });
  const { inputs } = JSON.parse((await bodyOf(request)).toString()) as { inputs: { data: number[] }[] };
  const { data } = inputs[0]!;
  const sum = Array.from({ length: data.length / 2 }, (_, i) => data[2 * i]! + data[2 * i + 1]!);
  const outputs = [{ name: 'y', datatype: 'FP64', shape: [sum.length], data: sum }];
  if (behave === 'answers') response.end(JSON.stringify({ outputs }));
  if (behave === 'fails') response.writeHead(500).end('{}');
  if (behave === 'late') setTimeout(() => response.writeHead(504).end('{}'), Math.max(0, told - 5));
}

beforeAll(async () => {
  rest = await serve(overRest);
  grpc = await serveGrpc({
    ...sums,
    ModelInfer: (call, done) => {
      const told = Number(call.getDeadline()) - Date.now();
      asked.push({
        header: (name) => call.metadata.get(name)[0]?.toString(),
        told,
        isGone: () => call.cancelled,
      });
      if (behave === 'answers') sums.ModelInfer(call, done);
      if (behave === 'late') setTimeout(() => saying(4, 'too late')(call, done), Math.max(0, told - 5));
    },
  });
});
afterAll(async () => {
  await rest.close();
  grpc.close();
});
beforeEach(() => {
  asked = [];
  behave = 'answers';
});

/** A caller that can go. */
function caller(more: Partial<Waiting> = {}): { waiting: Waiting; go(): void } {
  const listeners: (() => void)[] = [];
  let cancelled = false;
  return {
    waiting: {
      ...nobody,
      ...more,
      cancellation: {
        get cancelled() {
          return cancelled;
        },
        whenCancelled: (then) => void listeners.push(then),
      },
    },
    go: () => {
      cancelled = true;
      for (const then of listeners) then();
    },
  };
}

const within = (ms: number): Waiting => ({ ...nobody, deadline: performance.now() + ms });

describe.each(['rest', 'grpc'])('an upstream over %s', (way) => {
  const attached = async (settings: object = {}) => {
    const model = await attach({ url: way === 'rest' ? rest.url : grpc.url }, settings);
    asked = [];
    return model;
  };

  test('is told how long it is waited for: by its own timeout, or by its caller', async () => {
    const model = await attached({ timeoutMs: 300_000 });
    expect(await predict(model)).toEqual([3]);
    expect(await predict(model, [[1, 2]], within(200_000))).toEqual([3]);
    expect(await predict(model, [[1, 2]], within(900_000))).toEqual([3]);
    const [alone, shorter, longer] = asked.map(({ told }) => told);
    for (const told of [alone, longer]) {
      expect(told).toBeGreaterThan(200_000);
      expect(told).toBeLessThanOrEqual(300_000);
    }
    expect(shorter).toBeGreaterThan(100_000);
    expect(shorter).toBeLessThanOrEqual(200_000);
  });

  test('gets the trace that its caller is in, and none where there is none', async () => {
    const model = await attached({ headers: { traceparent: '00-0-0-00', 'x-team': 'risk' } });
    const traceparent = `00-${'1'.repeat(32)}-${'2'.repeat(16)}-01`;
    const trace = readTrace(traceparent, 'vendor=a');
    await predict(model, [[1, 2]], { ...nobody, trace });
    expect(asked[0]!.header('traceparent')).toBe(traceparent);
    expect(asked[0]!.header('tracestate')).toBe('vendor=a');
    expect(asked[0]!.header('x-team')).toBe('risk');
    await predict(model);
    expect(asked[1]!.header('tracestate')).toBe(undefined);
  });

  test.each(['hangs', 'late'] as const)(
    'that is too slow for its callers (%s) is not thought to be in trouble',
    async (how) => {
      const model = await attached();
      behave = how;
      const all = Array.from({ length: 30 }, () => codeOf(predict(model, [[1, 2]], within(50))));
      expect(new Set(await Promise.all(all))).toEqual(new Set(['TIMEOUT']));
      expect(model.upstream).toMatchObject({ answered: 0, failed: 0, opened: 0 });
      behave = 'answers';
      expect(await predict(model)).toEqual([3]);
    },
  );

  test('that is too slow by its own timeout is', async () => {
    const model = await attached({ timeoutMs: 50 });
    behave = 'hangs';
    const all = Array.from({ length: 10 }, () => codeOf(predict(model, [[1, 2]], within(60_000))));
    expect(new Set(await Promise.all(all))).toEqual(new Set(['UPSTREAM_TIMEOUT']));
    expect(model.upstream).toMatchObject({ failed: 10, opened: 1 });
  });

  test('hears of it when its caller goes, and that is no trouble of its own', async () => {
    const model = await attached();
    behave = 'hangs';
    const callers = Array.from({ length: 20 }, () => caller());
    const all = callers.map(({ waiting }) => codeOf(predict(model, [[1, 2]], waiting)));
    await until(() => asked.length === 20, 'all to be asked');
    for (const { go } of callers) go();
    expect(new Set(await Promise.all(all))).toEqual(new Set(['CANCELLED']));
    await until(() => asked.every((one) => one.isGone()), 'it to hear of that');
    expect(model.upstream).toEqual({ answered: 0, failed: 0, abandoned: 20, retried: 0, opened: 0 });
    behave = 'answers';
    expect(await predict(model)).toEqual([3]);
  });

  test('is not asked for who does not wait', async () => {
    const model = await attached();
    const { waiting, go } = caller();
    go();
    expect(await codeOf(predict(model, [[1, 2]], waiting))).toBe('CANCELLED');
    expect(await codeOf(predict(model, [[1, 2]], within(-1)))).toBe('TIMEOUT');
    expect(asked).toEqual([]);
  });

  test('listens to a caller once, however many requests are made for them', async () => {
    const model = await attached({ timeoutMs: 60_000 });
    let listeners = 0;
    const cancellation = { cancelled: false, whenCancelled: () => void listeners++ };
    const rows = Array.from({ length: 50_000 }, (_, i) => [i, 1]);
    await predict(model, rows, { ...nobody, cancellation });
    expect(asked.length).toBeGreaterThan(1);
    expect(listeners).toBe(1);
  });
});

test('a probe that its caller gives up leaves the circuit as it was', async () => {
  const model = await attach({ url: rest.url });
  const heard: (Trouble | null)[] = [];
  model.listen!({
    trouble: (trouble) => void heard.push(trouble),
    line: () => {},
    lost: () => {},
    end: () => {},
  });
  behave = 'fails';
  for (let i = 0; i < 10; i++) expect(await codeOf(predict(model))).toBe('UPSTREAM_FAILED');
  expect(await codeOf(predict(model))).toBe('UPSTREAM_OPEN');
  behave = 'hangs';
  const counts = model.upstream!;
  await until(async () => {
    await predict(model, [[1, 2]], within(20)).catch(() => null);
    return counts.abandoned > 0;
  }, 'a probe to be given up');
  behave = 'answers';
  await until(async () => (await predict(model).catch(() => null)) !== null, 'the next probe');
  expect(counts.opened).toBe(1);
  expect(heard).toEqual([
    expect.objectContaining({ level: 'act', message: expect.stringContaining('answered 500') }),
    null,
  ]);
});
