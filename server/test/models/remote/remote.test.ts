import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { SlipwayError } from '../../../src/errors.ts';
import type { Model, ModelHints, Prepared } from '../../../src/models/model.ts';
import { remote } from '../../../src/models/remote/remote.ts';
import { answerWidth } from '../../../src/signature.ts';
import { type Frame, newFrame } from '../../../src/tensor.ts';
import { bodyOf, type Served, serve } from './upstream-of.ts';

/** An upstream that sums two columns, until it is told to behave otherwise. */
let upstream: Served;
let behave: RequestListener | null = null;
/** Inference requests that came, and their headers. */
let asked: IncomingMessage[] = [];
let connections = 0;
const metadata = {
  name: 'sum',
  versions: ['3'],
  platform: 'test_sum',
  inputs: [{ name: 'x', datatype: 'FP64', shape: [-1, 2] }],
  outputs: [],
};
let described: unknown = metadata;
const folder = mkdtempSync(join(tmpdir(), 'slipway-remote-'));

interface Tensor {
  shape: number[];
  data: (number | null)[];
}

async function sums(request: IncomingMessage): Promise<{ data: (number | null)[]; rows: number }> {
  const { inputs } = JSON.parse((await bodyOf(request)).toString()) as { inputs: Tensor[] };
  const { data, shape } = inputs[0]!;
  const rows = shape[0]!;
  const sum = (i: number) =>
    data[2 * i] === null || data[2 * i + 1] === null ? null : data[2 * i]! + data[2 * i + 1]!;
  return { rows, data: Array.from({ length: rows }, (_, i) => sum(i)) };
}

const answerSums = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
  const { rows, data } = await sums(request);
  response.end(JSON.stringify({ outputs: [{ name: 'y', datatype: 'FP64', shape: [rows], data }] }));
};
const answering =
  (status: number, text: string): RequestListener =>
  async (request, response) => {
    await bodyOf(request);
    response.writeHead(status).end(text);
  };
const output = (fields: object) =>
  JSON.stringify({ outputs: [{ name: 'y', datatype: 'FP64', shape: [1], data: [3], ...fields }] });
const reset: RequestListener = (request) => request.socket.destroy();

beforeAll(async () => {
  upstream = await serve(async (request, response) => {
    if (request.method === 'GET') response.end(JSON.stringify(described));
    else {
      asked.push(request);
      await (behave ?? answerSums)(request, response);
    }
  });
  upstream.server.on('connection', () => connections++);
});
afterAll(async () => {
  await upstream.close();
  rmSync(folder, { recursive: true, force: true });
});
beforeEach(() => {
  behave = null;
  described = metadata;
  asked = [];
});

function prepare(settings: object = {}, hints: ModelHints = {}): Promise<Prepared> {
  const path = join(folder, 'remote.json');
  writeFileSync(path, JSON.stringify({ slipway: 'remote', url: upstream.url, model: 'sum', ...settings }));
  return remote.prepare({ main: 'remote.json', path }, hints);
}

const open: Model[] = [];
async function attached(settings: object = {}): Promise<Model> {
  const { program, signature } = await prepare(settings);
  asked = [];
  const model = await remote.attach(program, signature);
  open.push(model);
  return model;
}
afterEach(async () => {
  for (const model of open.splice(0)) await model.close?.();
});

function frameOf(rows: number[][]): Frame {
  const frame = newFrame(rows.length, 2);
  frame.values.set(rows.flat());
  return frame;
}

async function predict(model: Model, rows: number[][] = [[1, 2]]): Promise<number[]> {
  const answers = new Float64Array(rows.length * answerWidth(model.signature));
  await model.predict(frameOf(rows), answers, []);
  return [...answers];
}

async function codeOf(promise: Promise<unknown>): Promise<string> {
  const error = await promise.then(
    () => null,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(SlipwayError);
  return (error as SlipwayError).code;
}

describe('the signature', () => {
  test('is what the metadata names, and what the upstream answers', async () => {
    const { signature, facts } = await prepare();
    expect(signature).toEqual({
      task: 'regression',
      features: [
        { name: 'x_0', type: 'number' },
        { name: 'x_1', type: 'number' },
      ],
      inputs: [{ name: 'x', datatype: 'FP64', shape: [-1, 2], column: 0, width: 2 }],
      outputs: [{ name: 'y', datatype: 'FP64', shape: [-1], column: 0, width: 1 }],
      answer: { column: 0, width: 1 },
      missingAllowed: false,
    });
    expect(facts).toMatchObject({ framework: 'test_sum', upstream: `${upstream.url}/` });
    const { signature: binary } = await prepare({}, { classes: ['no', 'yes'] });
    expect([binary.task, binary.classes]).toEqual(['binary', ['no', 'yes']]);
  });

  test('takes inputs from the file where the metadata has none', async () => {
    described = { name: 'sum' };
    await expect(prepare()).rejects.toThrow('metadata names no inputs');
    const { signature } = await prepare({ inputs: metadata.inputs });
    expect(signature.inputs).toHaveLength(1);
  });

  const refused: [string, unknown, string][] = [
    [
      'different numbers of rows',
      [
        { name: 'x', datatype: 'FP64', shape: [4, 2] },
        { name: 'y', datatype: 'FP64', shape: [2, 2] },
      ],
      'inputs take different numbers of rows: "x" [4,2], "y" [2,2]',
    ],
    ['no shape', [{ name: 'x', datatype: 'FP64' }], 'has no shape'],
    ['pictures', [{ name: 'x', datatype: 'FP64', shape: [-1, 224, 224] }], 'more than 8192 columns'],
    ['an unknown datatype', [{ name: 'x', datatype: 'BF16', shape: [-1, 2] }], 'of no datatype'],
  ];
  test.each(refused)('is refused with %s', async (_what, inputs, message) => {
    described = { ...metadata, inputs };
    await expect(prepare()).rejects.toThrow(message);
  });

  test('needs an output with a value a row', async () => {
    behave = answering(200, output({ shape: [1, 1] }));
    await expect(prepare()).rejects.toThrow('no output with a value a row');
  });

  test('needs an upstream; the error names it', async () => {
    const gone = await serve(() => {});
    await gone.close();
    const failing = prepare({ url: gone.url });
    await expect(failing).rejects.toThrow(gone.url);
    expect(await codeOf(failing)).toBe('UPSTREAM_FAILED');
  });
});

describe('an answer', () => {
  test('comes over connections that are kept, with the headers that the file names', async () => {
    process.env.SLIPWAY_UPSTREAM_TEST = 'secret';
    try {
      const headers = { authorization: `Bearer \${SLIPWAY_UPSTREAM_TEST}`, 'x-team': 'risk' };
      const model = await attached({ headers });
      const before = connections;
      for (let i = 0; i < 20; i++)
        expect(
          await predict(model, [
            [i, 0.5],
            [i, -1],
          ]),
        ).toEqual([i + 0.5, i - 1]);
      // One may not be free again at the very moment in which the next request comes.
      expect(connections - before).toBeLessThanOrEqual(2);
      expect(asked[0]!.headers).toMatchObject({ authorization: 'Bearer secret', 'x-team': 'risk' });
      const { program } = await prepare({ headers });
      expect(Buffer.from(program).toString()).not.toContain('secret');
    } finally {
      delete process.env.SLIPWAY_UPSTREAM_TEST;
    }
  });

  test('needs the variables to be set, and attaching does not', async () => {
    process.env.SLIPWAY_UPSTREAM_TEST = 'secret';
    const model = await attached({ headers: { authorization: `\${SLIPWAY_UPSTREAM_TEST}` } });
    delete process.env.SLIPWAY_UPSTREAM_TEST;
    await expect(predict(model)).rejects.toThrow('SLIPWAY_UPSTREAM_TEST, which is not set');
    expect(asked).toEqual([]);
  });

  test('to very many rows comes in parts, each of a bounded length', async () => {
    const model = await attached({ timeoutMs: 60_000 });
    const rows = Array.from({ length: 50_000 }, (_, i) => [i, 1]);
    expect(await predict(model, rows)).toEqual(rows.map(([i]) => i! + 1));
    expect(asked).toHaveLength(3);
  });

  test('may be about missing values, which are null', async () => {
    const model = await attached({ missing: true });
    expect(model.signature.missingAllowed).toBe(true);
    expect(
      await predict(model, [
        [1, Number.NaN],
        [1, 1],
      ]),
    ).toEqual([Number.NaN, 2]);
    expect(await codeOf(predict(model, [[1, Number.POSITIVE_INFINITY]]))).toBe('FEATURE_MISTYPED');
  });

  const wrong: [string, RequestListener, string, number][] = [
    ['500', answering(500, '{"error":"boom"}'), 'UPSTREAM_FAILED', 1],
    ['404', answering(404, '{}'), 'UPSTREAM_FAILED', 1],
    ['a redirect', answering(302, ''), 'UPSTREAM_FAILED', 1],
    ['a refusal', answering(422, '{"error":"no such row"}'), 'UPSTREAM_REFUSED', 1],
    ['503', answering(503, ''), 'UPSTREAM_FAILED', 2],
    ['a reset', reset, 'UPSTREAM_FAILED', 2],
    [
      'half an answer',
      (request, response) => {
        response
          .writeHead(200, { 'content-length': 1000 })
          .write('{"outputs":', () => request.socket.destroy());
      },
      'UPSTREAM_FAILED',
      2,
    ],
    ['no JSON', answering(200, '<html>'), 'UPSTREAM_FAILED', 1],
    ['null', answering(200, 'null'), 'UPSTREAM_FAILED', 1],
    ['no outputs', answering(200, '{}'), 'UPSTREAM_FAILED', 1],
    ['another output', answering(200, output({ name: 'z' })), 'UPSTREAM_FAILED', 1],
    ['another datatype', answering(200, output({ datatype: 'INT64' })), 'UPSTREAM_FAILED', 1],
    ['too many rows', answering(200, output({ shape: [2], data: [1, 2] })), 'UPSTREAM_FAILED', 1],
    ['too few values', answering(200, output({ data: [] })), 'UPSTREAM_FAILED', 1],
    ['another shape', answering(200, output({ shape: [1, 1], data: [[3]] })), 'UPSTREAM_FAILED', 1],
    ['a text for a number', answering(200, output({ data: ['3'] })), 'UPSTREAM_FAILED', 1],
    ['a shape of no numbers', answering(200, output({ shape: ['1'] })), 'UPSTREAM_FAILED', 1],
    ['nothing at all', () => {}, 'UPSTREAM_TIMEOUT', 1],
    [
      'an answer without end',
      (_request, response) => {
        const more = () => {
          if (!response.destroyed) response.write(' '.repeat(10), () => setTimeout(more, 5));
        };
        more();
      },
      'UPSTREAM_TIMEOUT',
      1,
    ],
    [
      'a huge answer',
      (_request, response) => {
        const more = () => {
          if (!response.destroyed) response.write(' '.repeat(65_536), () => setImmediate(more));
        };
        more();
      },
      'UPSTREAM_FAILED',
      1,
    ],
  ];
  test.each(wrong)(
    'that is %s is a coded error; what may come right is asked for twice',
    async (_what, listener, code, times) => {
      const model = await attached({ timeoutMs: code === 'UPSTREAM_TIMEOUT' ? 1000 : 30_000 });
      behave = listener;
      expect(await codeOf(predict(model))).toBe(code);
      expect(asked).toHaveLength(times);
      const failed = code === 'UPSTREAM_REFUSED' ? 0 : times;
      const counts = { answered: times - failed, failed, abandoned: 0, retried: times - 1, opened: 0 };
      expect(model.upstream).toEqual(counts);
      behave = null;
      expect(await predict(model)).toEqual([3]);
    },
  );

  test('that fails once is asked for again, and the caller sees nothing of it', async () => {
    const model = await attached();
    for (const listener of [reset, answering(503, '')]) {
      const fresh = await attached();
      behave = (request, response) => {
        behave = null;
        void listener(request, response);
      };
      expect(await predict(fresh)).toEqual([3]);
      expect(fresh.upstream).toMatchObject({ answered: 1, failed: 1, retried: 1 });
    }
    expect(await predict(model)).toEqual([3]);
  });
});

describe('an upstream in trouble', () => {
  test('gets no more than a tenth of the requests again', async () => {
    const model = await attached();
    let count = 0;
    // Fails often, but never so often that the circuit opens.
    behave = (request, response) =>
      count++ % 3 === 0 ? answering(503, '')(request, response) : answerSums(request, response);
    for (let i = 0; i < 200; i++) await predict(model).catch(() => {});
    const { retried } = model.upstream!;
    expect(retried).toBeGreaterThan(10);
    expect(retried).toBeLessThanOrEqual(1 + 200 / 10);
  });

  test('is left alone after ten failures', async () => {
    const model = await attached();
    behave = answering(500, '');
    for (let i = 0; i < 10; i++) expect(await codeOf(predict(model))).toBe('UPSTREAM_FAILED');
    for (let i = 0; i < 50; i++) expect(await codeOf(predict(model))).toBe('UPSTREAM_OPEN');
    expect(asked).toHaveLength(10);
    expect(model.upstream).toMatchObject({ failed: 10, opened: 1 });
    behave = null;
    // Half-open after a second: one request finds out that all is well.
    let answer: number[] | null = null;
    while (answer === null) {
      answer = await predict(model).catch(() => null);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    expect(answer).toEqual([3]);
    expect(asked).toHaveLength(11);
  });

  test('that refuses rows is not in trouble', async () => {
    const model = await attached();
    behave = answering(400, '{}');
    for (let i = 0; i < 30; i++) expect(await codeOf(predict(model))).toBe('UPSTREAM_REFUSED');
    expect(asked).toHaveLength(30);
  });

  test('is asked for no more at once than was allowed, and the others are told so at once', async () => {
    const model = await attached({ concurrency: 4 });
    const held: (() => void)[] = [];
    behave = (request, response) => void held.push(() => void answerSums(request, response));
    const first = Array.from({ length: 4 }, () => predict(model));
    for (let i = 0; i < 20; i++) expect(await codeOf(predict(model))).toBe('UPSTREAM_BUSY');
    while (held.length < 4) await new Promise((resolve) => setTimeout(resolve, 5));
    for (const release of held) release();
    expect(await Promise.all(first)).toEqual([[3], [3], [3], [3]]);
    behave = null;
    expect(await predict(model)).toEqual([3]);
  });

  test('is given no more at once than its latency shows that it works on', async () => {
    const model = await attached();
    const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
    // One after the other.
    let last: Promise<unknown> = Promise.resolve();
    behave = (request, response) => {
      last = last.then(() => pause(3)).then(() => answerSums(request, response));
    };
    let busy = 0;
    let answered = 0;
    const call = async (): Promise<void> => {
      while (busy < 10) {
        const code = await predict(model).then(
          () => null,
          (thrown: { code: string }) => thrown.code,
        );
        if (code === null) answered++;
        else {
          expect(code).toBe('UPSTREAM_BUSY');
          busy++;
          await pause(5);
        }
      }
    };
    await Promise.all(Array.from({ length: 60 }, call));
    expect(answered).toBeGreaterThan(10);
  });

  test('lets go of what it was asked when the model is closed', async () => {
    const model = await attached();
    behave = () => {};
    const waiting = codeOf(predict(model));
    while (asked.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    await model.close?.();
    expect(await waiting).toBe('UPSTREAM_FAILED');
  });
});
