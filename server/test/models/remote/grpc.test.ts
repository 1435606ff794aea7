import { readFileSync } from 'node:fs';
import { status } from '@grpc/grpc-js';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { inRepository, until } from '../../processes/harness.ts';
import { type Answer, type Call, type GrpcServed, saying, serveGrpc, sums } from './grpc-upstream.ts';
import { attach, codeOf, predict, prepare } from './prepared.ts';

/** An upstream over gRPC that sums two columns, until it is told to behave otherwise. */
let upstream: GrpcServed;
let behave: Answer | null = null;
/** Inference requests that came. */
let asked: Call[] = [];

const answers: Record<string, Answer> = {
  ...sums,
  ModelInfer: (call, done) => {
    asked.push(call);
    (behave ?? sums.ModelInfer)(call, done);
  },
};

beforeAll(async () => {
  upstream = await serveGrpc(answers);
});
afterAll(() => upstream.close());
beforeEach(() => {
  behave = null;
  asked = [];
});

async function attached(settings: object = {}, then: object = {}) {
  const model = await attach({ url: upstream.url, ...settings }, then);
  asked = [];
  return model;
}

describe('an upstream over gRPC', () => {
  test('has the signature that its metadata and its answers say', async () => {
    const { signature, facts } = await prepare({ url: upstream.url, version: '3' });
    expect(signature).toMatchObject({
      task: 'regression',
      inputs: [{ name: 'x', datatype: 'FP64', shape: [-1, 2], column: 0, width: 2 }],
      outputs: [{ name: 'y', datatype: 'FP64', shape: [-1], column: 0, width: 1 }],
    });
    expect(facts).toMatchObject({
      framework: 'test_sum',
      upstream: upstream.url,
      upstreamServer: 'sums 2',
      tensors: 'bytes over gRPC',
    });
  });

  test('answers, and gets what the file names for it', async () => {
    process.env.SLIPWAY_UPSTREAM_TEST = 'secret';
    try {
      const headers = { Authorization: `Bearer \${SLIPWAY_UPSTREAM_TEST}`, 'x-team': 'risk' };
      const model = await attached({ version: '3', headers });
      for (let i = 0; i < 20; i++)
        expect(
          await predict(model, [
            [i, 0.5],
            [i, -1],
          ]),
        ).toEqual([i + 0.5, i - 1]);
      expect(asked[0]!.request).toMatchObject({ model_name: 'sum', model_version: '3' });
      expect(asked[0]!.metadata.getMap()).toMatchObject({ authorization: 'Bearer secret', 'x-team': 'risk' });
    } finally {
      delete process.env.SLIPWAY_UPSTREAM_TEST;
    }
  });

  test('answers very many rows in parts', async () => {
    const model = await attached({ timeoutMs: 60_000 });
    const rows = Array.from({ length: 50_000 }, (_, i) => [i, 1]);
    expect(await predict(model, rows)).toEqual(rows.map(([i]) => i! + 1));
    expect(asked).toHaveLength(3);
  });

  const output = (fields: object): Answer => {
    const fine = { name: 'y', datatype: 'FP64', shape: [1], contents: { fp64_contents: [3] } };
    return (_call, done) => done(null, { outputs: [{ ...fine, ...fields }] });
  };
  const wrong: [string, Answer, string, number][] = [
    ['INTERNAL', saying(status.INTERNAL, 'boom'), 'UPSTREAM_FAILED', 1],
    ['NOT_FOUND', saying(status.NOT_FOUND, 'no such model'), 'UPSTREAM_FAILED', 1],
    ['UNAUTHENTICATED', saying(status.UNAUTHENTICATED, ''), 'UPSTREAM_FAILED', 1],
    ['a refusal', saying(status.INVALID_ARGUMENT, 'no such row'), 'UPSTREAM_REFUSED', 1],
    ['a message too large', saying(status.RESOURCE_EXHAUSTED, 'larger than max'), 'UPSTREAM_REFUSED', 1],
    ['UNAVAILABLE', saying(status.UNAVAILABLE, ''), 'UPSTREAM_FAILED', 2],
    ['DEADLINE_EXCEEDED', saying(status.DEADLINE_EXCEEDED, ''), 'UPSTREAM_TIMEOUT', 1],
    ['no outputs', (_call, done) => done(null, {}), 'UPSTREAM_FAILED', 1],
    ['another output', output({ name: 'z' }), 'UPSTREAM_FAILED', 1],
    ['another datatype', output({ datatype: 'INT64' }), 'UPSTREAM_FAILED', 1],
    ['too many rows', output({ shape: [2], contents: { fp64_contents: [1, 2] } }), 'UPSTREAM_FAILED', 1],
    ['too few values', output({ contents: {} }), 'UPSTREAM_FAILED', 1],
    ['another shape', output({ shape: [1, 1] }), 'UPSTREAM_FAILED', 1],
    ['values of another type', output({ contents: { int_contents: [3] } }), 'UPSTREAM_FAILED', 1],
    [
      'raw bytes of half a value',
      (_call, done) =>
        done(null, {
          outputs: [{ name: 'y', datatype: 'FP64', shape: [1] }],
          raw_output_contents: [Buffer.alloc(4)],
        }),
      'UPSTREAM_FAILED',
      1,
    ],
    [
      'raw bytes for another number of outputs',
      (_call, done) => done(null, { outputs: [], raw_output_contents: [Buffer.alloc(8)] }),
      'UPSTREAM_FAILED',
      1,
    ],
    ['nothing at all', () => {}, 'UPSTREAM_TIMEOUT', 1],
    [
      'a long answer',
      output({ contents: { fp64_contents: new Array(100_000).fill(1) } }),
      'UPSTREAM_FAILED',
      1,
    ],
    [
      'a huge answer',
      (_call, done) => done(null, { outputs: [], raw_output_contents: [Buffer.alloc(18 * 2 ** 20)] }),
      'UPSTREAM_FAILED',
      1,
    ],
  ];
  test.each(wrong)(
    'that says %s is a coded error; what may come right is asked for twice',
    async (_what, answer, code, times) => {
      const model = await attached({}, _what === 'nothing at all' ? { timeoutMs: 500 } : {});
      behave = answer;
      expect(await codeOf(predict(model))).toBe(code);
      expect(asked).toHaveLength(times);
      const failed = code === 'UPSTREAM_REFUSED' ? 0 : times;
      expect(model.upstream).toMatchObject({ answered: times - failed, failed, retried: times - 1 });
      behave = null;
      expect(await predict(model)).toEqual([3]);
    },
  );

  test('that keeps failing is left alone, and found again', async () => {
    const model = await attached();
    behave = saying(status.INTERNAL, 'boom');
    for (let i = 0; i < 10; i++) expect(await codeOf(predict(model))).toBe('UPSTREAM_FAILED');
    expect(await codeOf(predict(model))).toBe('UPSTREAM_OPEN');
    behave = null;
    await until(async () => (await predict(model).catch(() => null))?.[0] === 3, 'the circuit to close');
  });

  test('that goes is an error that says so, and is found again when it is back', async () => {
    const first = await serveGrpc(answers);
    const model = await attach({ url: first.url });
    expect(await predict(model)).toEqual([3]);
    first.close();
    await expect(predict(model)).rejects.toThrow('ECONNREFUSED');
    expect(model.upstream!.failed).toBeGreaterThan(0);
    const second = await serveGrpc(answers, first.port);
    try {
      await until(async () => (await predict(model).catch(() => null))?.[0] === 3, 'it to be found again');
    } finally {
      second.close();
    }
  });

  test('that is not there is no version', async () => {
    const gone = await serveGrpc(answers);
    gone.close();
    const failing = prepare({ url: gone.url });
    await expect(failing).rejects.toThrow(gone.url);
    expect(await codeOf(failing)).toBe('UPSTREAM_FAILED');
  });

  test('is let go of when the model is closed', async () => {
    const model = await attached();
    behave = () => {};
    const waiting = codeOf(predict(model));
    await until(() => asked.length === 1, 'it to be asked');
    await model.close?.();
    expect(await waiting).toBe('UPSTREAM_FAILED');
    await until(() => asked[0]!.cancelled, 'it to hear of that');
  });

  test('that nobody vouches for is not trusted', async () => {
    const [cert, key] = ['cert', 'key'].map((name) =>
      readFileSync(inRepository(`server/test/http/tls/${name}.pem`)),
    );
    const served = await serveGrpc(answers, 0, { cert: cert!, key: key! });
    try {
      await expect(prepare({ url: served.url })).rejects.toThrow('self-signed certificate');
    } finally {
      served.close();
    }
  });
});
