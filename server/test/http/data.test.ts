import { request } from 'node:http';
import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ModelView } from '../../src/api.ts';
import { electricity, inRepository, Slipway } from '../processes/harness.ts';

let slipway: Slipway;
const rows = electricity(9062, 9162);
const { features } = rows[0]!;
const hour = 3_600_000;

beforeAll(async () => {
  slipway = await Slipway.start({ bodyLimit: 100_000, waitingLimit: 50 });
  expect((await slipway.deploy('electricity', inRepository('examples/electricity/model.txt'))).status).toBe(
    201,
  );
});
afterAll(() => slipway.end());

interface Failure {
  error: { code: string; message: string; hint: string };
}
const failing = async (path: string, body: unknown) =>
  (await slipway.data<Failure>('POST', path, body)).body.error.code;
const accuracy = async () => (await slipway.api<ModelView>('GET', '/api/models/electricity')).body.overall;

describe('predict', () => {
  test('one row and many rows answer the same', async () => {
    const many = await slipway.predict<{ predictions: { id: string; probabilities: object }[] }>(
      'electricity',
      {
        rows: rows.slice(0, 5).map((row) => row.features),
      },
    );
    expect(many.status).toBe(200);
    for (const [i, one] of many.body.predictions.entries()) {
      const single = await slipway.predict('electricity', { features: rows[i]!.features });
      expect(one.probabilities).toEqual(single.body.probabilities);
      expect((await slipway.prediction(one.id)).features).toEqual(rows[i]!.features);
    }
  });

  test('subject, key and event time are kept', async () => {
    const { body } = await slipway.predict('electricity', {
      features,
      subject: 's-1',
      key: 'k-1',
      at: '2020-01-02T03:04:05Z',
    });
    await slipway.label({ id: body.id, label: 1 });
    expect(await slipway.prediction(body.id)).toMatchObject({
      subject: 's-1',
      key: 'k-1',
      at: Date.UTC(2020, 0, 2, 3, 4, 5),
    });
    const found = await slipway.api<{ predictions: { id: string }[] }>(
      'GET',
      '/api/predictions?model=electricity&subject=s-1',
    );
    expect(found.body.predictions.map(({ id }) => id)).toEqual([body.id]);
  });

  const wrong: [string, string, unknown, string][] = [
    ['an unknown model', '/predict/nobody', { features }, 'MODEL_NOT_FOUND'],
    ['no rows', '/predict/electricity', { rows: [] }, 'ROWS_EMPTY'],
    ['neither rows nor features', '/predict/electricity', {}, 'INVALID_REQUEST'],
    ['both', '/predict/electricity', { features, rows: [features] }, 'INVALID_REQUEST'],
    ['a missing feature', '/predict/electricity', { features: { period: 0.5 } }, 'FEATURE_MISSING'],
    ['an extra feature', '/predict/electricity', { features: { ...features, more: 1 } }, 'FEATURE_UNKNOWN'],
    [
      'a text for a number',
      '/predict/electricity',
      { features: { ...features, period: 'noon' } },
      'FEATURE_MISTYPED',
    ],
    ['a list as the body', '/predict/electricity', [1], 'INVALID_REQUEST'],
    ['a time that is none', '/predict/electricity', { features, at: 'yesterday' }, 'INVALID_REQUEST'],
    ['a time far ahead', '/predict/electricity', { features, at: Date.now() + 48 * hour }, 'INVALID_REQUEST'],
    ['a key of lost digits', '/predict/electricity', { features, key: 2 ** 53 }, 'INVALID_REQUEST'],
    ['an endless key', '/predict/electricity', { features, key: 'k'.repeat(1000) }, 'INVALID_REQUEST'],
    ['a field that nobody reads', '/predict/electricity', { features, kye: 'order-1' }, 'INVALID_REQUEST'],
    ['one of a label', '/labels', { model: 'electricity', key: 'k', label: 1, weight: 2 }, 'INVALID_REQUEST'],
    [
      'one beside labels',
      '/labels',
      { labels: [{ model: 'electricity', key: 'k', label: 1 }], at: 1e12 },
      'INVALID_REQUEST',
    ],
    [
      'a wait for something else',
      '/labels?wait=servd',
      { model: 'electricity', key: 'k', label: 1 },
      'INVALID_REQUEST',
    ],
    [
      'a body that is too large',
      '/predict/electricity',
      { features, key: 'k'.repeat(200_000) },
      'BODY_TOO_LARGE',
    ],
  ];
  test.each(wrong)('%s is refused', async (_name, path, body, code) => {
    expect(await failing(path, body)).toBe(code);
  });

  test('what is not JSON, and what is no HTTP, is answered too', async () => {
    const raw = (text: string | Buffer) =>
      new Promise<string>((resolve) => {
        const socket = connect(Number(new URL(slipway.dataPlane).port), '127.0.0.1', () => socket.end(text));
        let answer = '';
        socket.on('data', (chunk) => {
          answer += chunk;
        });
        socket.on('close', () => resolve(answer));
      });
    const post = (body: string) =>
      `POST /predict/electricity HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;
    expect(await raw(post('{"features": '))).toContain('INVALID_JSON');
    expect(await raw(post(''))).toContain('INVALID_JSON');
    expect(await raw(post('{"__proto__": {"features": {}}}'))).toContain('INVALID_REQUEST');
    const foreign = post('{"key": "??"}').replace('??', '\xff\xfe');
    expect(await raw(Buffer.from(foreign, 'latin1'))).toContain('not UTF-8');
    expect(await raw(post('').replace('\r\n\r\n', '\r\ncontent-encoding: br\r\n\r\n'))).toContain('415');
    const parts = post('--x\r\ncontent-disposition: form-data; name="rows"\r\n\r\n{}\r\n--x--\r\n');
    expect(
      await raw(parts.replace('host: x', 'host: x\r\ncontent-type: multipart/form-data; boundary=x')),
    ).toContain('in several parts');
    expect(await raw('nonsense\r\n\r\n')).toContain('400');
    expect((await slipway.predict('electricity', { features })).status).toBe(200);
  });
});

describe('methods', () => {
  const wrong: [string, string, string][] = [
    ['GET', '/predict/electricity', 'POST'],
    ['PUT', '/labels', 'POST'],
    ['OPTIONS', '/predict/electricity', 'POST'],
    ['GET', '/v2/models/electricity/infer', 'POST'],
    ['DELETE', '/v2/models/electricity', 'GET, HEAD'],
    ['POST', '/v2/models/electricity/ready', 'GET, HEAD'],
    ['POST', '/v2', 'GET, HEAD'],
    ['POST', '/', 'GET, HEAD'],
    ['PUT', '/health/ready', 'GET, HEAD'],
  ];
  test.each(wrong)('%s %s is told what there is', async (method, path, allow) => {
    const answer = await fetch(new URL(path, slipway.dataPlane), { method, redirect: 'manual' });
    expect([answer.status, answer.headers.get('allow')]).toEqual([405, allow]);
  });

  test('HEAD is GET without the body', async () => {
    const answer = await fetch(new URL('/v2/models/electricity', slipway.dataPlane), { method: 'HEAD' });
    expect([answer.status, await answer.text()]).toEqual([200, '']);
  });

  test.each(['/health/foo/live', '/v2x', '/v2/models/electricity/versions/1e0', '/v2/models/a/b/c'])(
    '%s is nowhere',
    async (path) => {
      expect((await slipway.data('GET', path)).status).toBe(404);
    },
  );
});

describe('more than a lane should bear', () => {
  const deep = `${'['.repeat(40_000)}${']'.repeat(40_000)}`;
  const post = (path: string, body: string) =>
    fetch(new URL(path, slipway.dataPlane), { method: 'POST', body });
  const tensor = (shape: number[], data: string) =>
    `{"inputs": [{"name": "X", "datatype": "FP64", "shape": [${shape}], "data": ${data}}]}`;

  test.each([
    ['a feature', '/predict/electricity', `{"features": {"period": ${deep}}}`, 422],
    ['a label', '/labels', `{"key": "k", "model": "electricity", "label": ${deep}}`, 422],
    ['an id', '/labels', `{"label": 1, "id": ${deep}}`, 400],
    ['a value', '/v2/models/electricity/infer', tensor([1, 6], `[1, 2, 3, 4, 5, {"a": ${deep}}]`), 400],
    ['a tensor', '/v2/models/electricity/infer', tensor([1, 6], deep), 400],
  ])('%s that is nested without end is refused in a few words', async (_name, path, body, status) => {
    const answer = await post(path, body);
    expect(answer.status).toBe(status);
    expect((await answer.text()).length).toBeLessThan(500);
  });

  test.each([1e8, 9e12, Number.MAX_SAFE_INTEGER])('%d rows in a shape alone take no memory', async (rows) => {
    expect((await post('/v2/models/electricity/infer', tensor([rows, 6], '[]'))).status).toBe(400);
  });

  test('rows that would hold the lane for seconds are refused, and how many it takes is said', async () => {
    const roomy = await Slipway.start();
    try {
      await roomy.deploy('electricity', inRepository('examples/electricity/model.txt'));
      const rows = 150_000;
      const { status, body } = await roomy.data<{ error: string }>('POST', '/v2/models/electricity/infer', {
        inputs: [{ name: 'X', datatype: 'FP64', shape: [rows, 6], data: new Array(6 * rows).fill(0) }],
      });
      expect(status).toBe(413);
      expect(body.error).toMatch(/^BODY_TOO_LARGE: 150000 rows .* takes up to \d+ a request/);
      // What is read on the event loop is not read at all where it is as large as rows may be.
      const large = { key: 'k'.repeat(5_000_000) };
      const said = async (path: string) => JSON.stringify((await roomy.data('POST', path, large)).body);
      const load = '/v2/repository/models/electricity/load';
      expect(await said('/labels')).toMatch(/BODY_TOO_LARGE.*Send fewer labels/);
      expect(await said('/v2/repository/index')).toMatch(/BODY_TOO_LARGE.*or no body/);
      expect(await said(load.replace(/load$/, 'unload'))).toMatch(/BODY_TOO_LARGE.*Send no body/);
      expect(await said(load)).toMatch(/LOAD_REFUSED: More than 4194304 bytes came .*--admin-key-file/);
    } finally {
      await roomy.end();
    }
  });
});

test('what a policy puts in place of missing values is counted, for the model and for the prediction', async () => {
  await slipway.deploy('lenient', inRepository('examples/electricity/model.txt'), {
    policy: { missing: 'impute' },
  });
  const { period: _, ...rest } = features;
  const { status, body } = await slipway.predict('lenient', { features: rest });
  expect(status).toBe(200);
  expect((await slipway.prediction(body.id)).imputed).toBe(1);
  expect((await slipway.api<ModelView>('GET', '/api/models/lenient')).body.traffic.imputed).toBe(1);
});

describe('labels', () => {
  const predict = async (more: object = {}) =>
    (await slipway.predict('electricity', { features, ...more })).body;

  test('a repeated label counts once, a changed one corrects', async () => {
    const before = await accuracy();
    const { id, prediction } = await predict();
    for (let i = 0; i < 3; i++) expect((await slipway.label({ id, label: prediction })).status).toBe(200);
    expect(await accuracy()).toMatchObject({ labelled: before.labelled + 1 });
    expect((await slipway.prediction(id)).answers[0]).toMatchObject({ correct: true });
    await slipway.label({ id, label: 1 - prediction });
    expect(await accuracy()).toMatchObject({ labelled: before.labelled + 1 });
    expect(await slipway.prediction(id)).toMatchObject({
      answers: [{ correct: false }],
      label: { value: 1 - prediction, corrections: 1 },
    });
  });

  test('the newest correction by event time wins, whatever order they come in', async () => {
    const { id } = await predict({ at: 1e12 });
    await slipway.label({ id, label: 1, at: 1e12 + 2 * hour });
    await slipway.label({ id, label: 0, at: 1e12 + hour });
    expect((await slipway.prediction(id)).label).toMatchObject({ value: 1 });
  });

  test('a key goes to the latest prediction at or before the label', async () => {
    const key = 'shared';
    const first = await predict({ key, at: 1e12 });
    const second = await predict({ key, at: 1e12 + 2 * hour });
    await slipway.label({ model: 'electricity', key, label: 1, at: 1e12 + hour });
    await slipway.label({ model: 'electricity', key, label: 0, at: 1e12 + 2 * hour });
    expect((await slipway.prediction(first.id)).label).toMatchObject({ value: 1 });
    expect((await slipway.prediction(second.id)).label).toMatchObject({ value: 0 });
  });

  test('one that comes first waits for its prediction', async () => {
    const key = 'early';
    expect((await slipway.label({ model: 'electricity', key, label: 1, at: 1e12 + hour })).status).toBe(200);
    expect((await slipway.api<ModelView>('GET', '/api/models/electricity')).body.traffic.waiting).toBe(1);
    const { id } = await predict({ key, at: 1e12 });
    // A label of another prediction is the sign that the loops have read this one.
    await slipway.label({ id: (await predict()).id, label: 0 });
    expect((await slipway.prediction(id)).label).toMatchObject({ value: 1 });
    expect((await slipway.api<ModelView>('GET', '/api/models/electricity')).body.traffic.waiting).toBe(0);
  });

  test('only so many may wait, then 429', async () => {
    let refused = '';
    for (let i = 0; i < 60 && refused === ''; i++) {
      const { status, body } = await slipway.label({ model: 'electricity', key: `nobody-${i}`, label: 1 });
      if (status === 429) refused = (body as unknown as Failure).error.code;
    }
    expect(refused).toBe('TOO_MANY_WAITING');
    // One whose prediction is known does not have to wait.
    expect((await slipway.label({ id: (await predict()).id, label: 1 })).status).toBe(200);
  });

  const wrong: [string, unknown, string][] = [
    ['no label', { model: 'electricity', key: 'k' }, 'LABEL_INVALID'],
    ['a class that there is not', { model: 'electricity', key: 'k', label: 7 }, 'LABEL_INVALID'],
    ['neither id nor key', { label: 1 }, 'INVALID_REQUEST'],
    ['a key without a model', { key: 'k', label: 1 }, 'INVALID_REQUEST'],
    ['an id that is none', { id: 'abc', label: 1 }, 'INVALID_REQUEST'],
    ['an empty list', { labels: [] }, 'INVALID_REQUEST'],
  ];
  test.each(wrong)('%s is refused', async (_name, body, code) => {
    expect(await failing('/labels', body)).toBe(code);
  });
});

describe('Open Inference Protocol', () => {
  const tensor = (row: Record<string, number>) => ({
    name: 'X',
    shape: [1, 6],
    datatype: 'FP64',
    data: Object.values(row),
  });

  test('health and metadata', async () => {
    expect(await slipway.data('GET', '/v2/health/live')).toEqual({ status: 200, body: { live: true } });
    expect((await slipway.data('GET', '/v2/health/ready')).status).toBe(200);
    expect((await slipway.data<object>('GET', '/v2')).body).toMatchObject({ name: 'slipway' });
    expect((await slipway.data('GET', '/v2/models/electricity/ready')).status).toBe(200);
    expect((await slipway.data<object>('GET', '/v2/models/electricity')).body).toMatchObject({
      name: 'electricity',
      versions: ['1'],
      inputs: [{ name: 'X', datatype: 'FP64', shape: [-1, 6] }],
    });
  });

  test('a standard client closes the loop: its id is the key', async () => {
    const { status, body } = await slipway.data<{
      id: string;
      parameters: { slipway_ids: string[] };
      outputs: { data: number[] }[];
    }>('POST', '/v2/models/electricity/infer', {
      id: 'request-9',
      parameters: { subject: 'customer', at: 1e12 },
      inputs: [tensor(features)],
    });
    expect(status).toBe(200);
    expect(body.id).toBe('request-9');
    const own = await slipway.predict('electricity', { features });
    expect(body.outputs[0]!.data).toEqual([own.body.probabilities['1']]);
    const view = await slipway.prediction(body.parameters.slipway_ids[0]!);
    expect(view).toMatchObject({ key: 'request-9', subject: 'customer', at: 1e12 });
  });

  test('an id that is too long for a key is refused', async () => {
    const { status, body } = await slipway.data<{ error: string }>('POST', '/v2/models/electricity/infer', {
      id: 'i'.repeat(600),
      inputs: [{ name: 'X', datatype: 'FP64', shape: [1, 6], data: [0, 0, 0, 0, 0, 0] }],
    });
    expect([status, body.error]).toEqual([400, expect.stringContaining('"id"')]);
  });

  test('errors have the protocol’s shape', async () => {
    const { status, body } = await slipway.data<{ error: string }>('POST', '/v2/models/electricity/infer', {
      inputs: [{ name: 'X', shape: [1, 7], datatype: 'FP64', data: [1, 2, 3, 4, 5, 6, 7] }],
    });
    expect(status).toBe(400);
    expect(body.error).toMatch(/TENSOR_MISMATCH.*"X" has shape \[1,7\]/);
    expect((await slipway.data('POST', '/v2/models/nobody/infer', { inputs: [] })).status).toBe(404);
  });
});

describe('pages of other sites', () => {
  const from = async (headers: Record<string, string>) =>
    (await fetch(`${slipway.dataPlane}/labels`, { method: 'POST', headers, body: '{"id":"x","label":1}' }))
      .status;
  test('are refused, others are not', async () => {
    expect(await from({ origin: 'https://evil.example', 'content-type': 'application/json' })).toBe(403);
    expect(await from({ origin: 'null', 'content-type': 'application/json' })).toBe(403);
    expect(await from({ origin: 'http://localhost:3000', 'content-type': 'text/plain' })).toBe(415);
    expect(await from({ 'content-type': 'application/json' })).toBe(400);
  });

  const statusFor = (host: string, path: string): Promise<number> =>
    new Promise((resolve, reject) => {
      // fetch would not send a foreign Host.
      const asked = request(new URL(path, slipway.dataPlane), { headers: { host } }, (response) => {
        response.resume();
        resolve(response.statusCode ?? 0);
      });
      asked.on('error', reject).end();
    });
  test.each(['/v2/models/electricity', '/v2/models/stats', '/v1/models', '/'])(
    'one whose name leads here reads nothing of %s',
    async (path) => {
      const { host } = new URL(slipway.dataPlane);
      for (const own of [host, 'localhost:1', '[::1]:8080', '10.1.2.3', 'slipway:80', 'a.svc.cluster.local'])
        expect([own, await statusFor(own, path)]).toEqual([own, 200]);
      for (const foreign of [
        'evil.example',
        'evil.example:8080',
        'localhost.evil.example',
        '127.0.0.1.evil.example',
      ])
        expect([foreign, await statusFor(foreign, path)]).toEqual([foreign, 403]);
      // A probe asks by whatever name it likes.
      expect(await statusFor('evil.example', '/v2/health/ready')).toBe(200);
    },
  );

  test('a browser that comes here is led to the console', async () => {
    const accept = 'text/html,application/xhtml+xml,*/*;q=0.8';
    const { status, headers } = await fetch(slipway.dataPlane, { redirect: 'manual', headers: { accept } });
    expect([status, headers.get('location')]).toEqual([302, slipway.control]);
  });
});
