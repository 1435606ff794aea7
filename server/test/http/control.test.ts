import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { DeployAnswer, StatusView, TimelineEntry } from '../../src/api.ts';
import { electricity, inRepository, Slipway } from '../processes/harness.ts';

let slipway: Slipway;
const rows = electricity(9062, 9072);
const model = inRepository('examples/electricity/model.txt');

beforeAll(async () => {
  slipway = await Slipway.start();
  expect((await slipway.deploy('electricity', model)).status).toBe(201);
});
afterAll(() => slipway.end());

/** A request with exactly these headers: fetch would not send a foreign Host. */
function send(
  url: string,
  method: string,
  headers: Record<string, string>,
  body = '',
): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    const outgoing = request(
      url,
      { method, headers: { ...headers, 'content-length': String(Buffer.byteLength(body)) } },
      (response) => {
        let text = '';
        response.on('data', (chunk) => {
          text += chunk;
        });
        response.on('end', () => resolve({ status: response.statusCode ?? 0, text }));
      },
    );
    outgoing.on('error', reject);
    outgoing.end(body);
  });
}

describe('who may ask', () => {
  const promote = () => `${slipway.control}/api/models/electricity/promote`;
  const json = { 'content-type': 'application/json' };

  test('a page of another site may not', async () => {
    const { status, text } = await send(
      promote(),
      'POST',
      { ...json, origin: 'https://evil.example' },
      '{"version":1}',
    );
    expect([status, JSON.parse(text).error.code]).toEqual([403, 'FORBIDDEN_ORIGIN']);
    expect((await send(promote(), 'POST', { ...json, origin: 'null' }, '{"version":1}')).status).toBe(403);
  });

  test('a name that was rebound to this address may not', async () => {
    for (const method of ['GET', 'POST']) {
      const url = method === 'GET' ? `${slipway.control}/api/models` : promote();
      const { status } = await send(
        url,
        method,
        { ...json, host: 'evil.example:8090' },
        method === 'GET' ? '' : '{"version":1}',
      );
      expect(status).toBe(403);
    }
  });

  test('a form may not: changes are JSON', async () => {
    for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data']) {
      expect((await send(promote(), 'POST', { 'content-type': type }, '{"version":1}')).status).toBe(415);
    }
    expect((await send(`${slipway.control}/api/uploads`, 'PUT', json, '{}')).status).toBe(415);
  });

  test('the console’s own page may', async () => {
    const { origin } = new URL(slipway.control);
    expect((await send(promote(), 'POST', { ...json, origin }, '{"version":1}')).status).toBe(200);
  });
});

describe('errors', () => {
  test.each([
    ['GET', '/api/nothing', undefined, 404, 'NOT_FOUND'],
    ['GET', '/api/models/nobody', undefined, 404, 'MODEL_NOT_FOUND'],
    ['GET', '/api/models/electricity/versions/9', undefined, 404, 'VERSION_NOT_FOUND'],
    ['GET', '/api/predictions/nonsense', undefined, 400, 'INVALID_REQUEST'],
    ['GET', '/api/predictions/01a20dac-df85-7000-a500-000001628183', undefined, 404, 'PREDICTION_NOT_FOUND'],
    ['POST', '/api/models/electricity/promote', { version: 9 }, 404, 'VERSION_NOT_FOUND'],
    ['POST', '/api/models/electricity/promote', { version: 'two' }, 400, 'INVALID_REQUEST'],
    ['POST', '/api/models/electricity/rollouts/none/hold', {}, 404, 'ROLLOUT_NOT_FOUND'],
    ['POST', '/api/models/a b/versions', { file: { name: 'x', digest: 'y' } }, 400, 'INVALID_REQUEST'],
    ['POST', '/api/models/x/versions', { file: { name: 'x', digest: '../../etc/passwd' } }, 404, 'NOT_FOUND'],
    ['GET', '/api/models/electricity/accuracy?edges=3,2', undefined, 400, 'INVALID_REQUEST'],
  ] as const)('%s %s', async (method, path, body, status, code) => {
    const answer = await slipway.api<{ error: { code: string; message: string; hint: string } }>(
      method,
      encodeURI(path),
      body,
    );
    expect(answer.status).toBe(status);
    expect(answer.body.error).toMatchObject({ code, hint: expect.stringMatching(/\w/) });
    expect(answer.body.error.message).not.toMatch(/\n|\bat .*:\d+:\d+/);
  });
});

interface Operation {
  operationId?: string;
  responses: { [status: string]: { content?: { 'application/json': { schema: { $ref?: string } } } } };
}

test('the API describes itself: every operation by a name of its own, and how it refuses', async () => {
  const { body } = await slipway.api<{
    openapi: string;
    paths: { [path: string]: { [method: string]: Operation } };
    components: { schemas: { [name: string]: { properties: object } } };
  }>('GET', '/api/openapi.json');
  expect(body.openapi).toMatch(/^3/);
  for (const path of ['/api/models', '/api/models/{model}', '/api/models/{model}/versions'])
    expect(body.paths).toHaveProperty([path]);
  expect(body.paths['/api/predictions/{id}']!.get!.operationId).toBe('getPrediction');
  const all = Object.entries(body.paths).flatMap(([path, methods]) =>
    Object.values(methods).map((operation) => ({ path, ...operation })),
  );
  expect(new Set(all.map(({ operationId }) => operationId)).size).toBe(all.length);
  expect(all.filter(({ operationId }) => operationId === undefined)).toEqual([]);
  for (const { path, responses } of all.filter((one) => one.path.startsWith('/api/'))) {
    for (const refused of ['4XX', '5XX']) {
      const $ref = responses[refused]?.content?.['application/json'].schema.$ref;
      expect([path, refused, $ref]).toEqual([path, refused, '#/components/schemas/Error']);
    }
  }
  expect(body.components.schemas.Error!.properties).toHaveProperty('error');
});

test('how long its turns take is said of each lane', async () => {
  const { body } = await slipway.api<string>('GET', '/metrics');
  const lanes = [...body.matchAll(/^slipway_lane_turn_seconds\{lane="(\d+)",quantile="1"\} [\d.e-]+$/gm)];
  const { body: status } = await slipway.api<StatusView>('GET', '/api/status');
  expect(lanes.map(([, lane]) => Number(lane)).sort()).toEqual(status.lanes.map(({ lane }) => lane));
});

test('metrics sum over lanes, and keep what a killed lane had counted', async () => {
  const count = async (): Promise<number> => {
    const { body } = await slipway.api<string>('GET', '/metrics');
    return Number(/slipway_predictions_total\{model="electricity"\} (\d+)/.exec(body)?.[1] ?? 0);
  };
  const before = await count();
  for (const { features } of rows) await slipway.predict('electricity', { features });
  expect(await count()).toBe(before + rows.length);
  await slipway.kill('lane-1');
  await slipway.predict('electricity', { features: rows[0]!.features });
  expect(await count()).toBe(before + rows.length + 1);
});

test('readiness says whether what should be served is served', async () => {
  expect((await slipway.api('GET', '/health/live')).status).toBe(200);
  expect((await slipway.api('GET', '/health/ready')).status).toBe(200);
});

test('a model may be named like what every object has', async () => {
  expect((await slipway.deploy('constructor', inRepository('examples/electricity/model.txt'))).status).toBe(
    201,
  );
  for (const path of ['/api/models', '/api/status', '/metrics', '/api/models/constructor'])
    expect((await slipway.api('GET', path)).status).toBe(200);
});

test.each([
  ['GET', '/api/models/electricity/versions/1.5', {}, 400],
  [
    'POST',
    '/api/models/electricity/promote',
    { 'content-type': 'application/json', 'content-encoding': 'gzip' },
    415,
  ],
] as [string, string, Record<string, string>, number][])(
  '%s %s with %o is %d',
  async (method, path, headers, status) => {
    const body = method === 'POST' ? '{"version": 1}' : undefined;
    const answer = await fetch(new URL(path, slipway.control), {
      method,
      headers,
      ...(body ? { body } : {}),
    });
    expect(answer.status).toBe(status);
  },
);

describe('deploying', () => {
  test('a file that fails a gate is not registered, and the gate says why', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'slipway-gate-'));
    const golden = join(folder, 'golden.json');
    writeFileSync(
      golden,
      JSON.stringify({
        inputs: [
          { name: 'X', datatype: 'FP64', shape: [1, 6], data: [[0.5, 0.06, 0.44, 0.0035, 0.42, 0.41]] },
        ],
        outputs: [{ name: 'predict', datatype: 'FP64', shape: [1], data: [0.123] }],
      }),
    );
    const { status, body } = await slipway.deploy('electricity', model, { golden });
    rmSync(folder, { recursive: true, force: true });
    expect(status).toBe(422);
    expect((body as unknown as { error: object }).error).toMatchObject({
      code: 'GATE_FAILED',
      message: expect.stringMatching(/golden rows.*row 0 of "predict" is 0\.\d+, not 0\.123/),
    });
    const { body: versions } = await slipway.api<{ versions: object[] }>(
      'GET',
      '/api/models/electricity/versions',
    );
    expect(versions.versions).toHaveLength(1);
  });

  test('another signature is named, and needs to be allowed', async () => {
    const other = inRepository('spec/models/lgb_binary_nan/model.txt');
    const { status, body } = await slipway.deploy('electricity', other);
    expect([status, (body as unknown as { error: { code: string; message: string } }).error.code]).toEqual([
      422,
      'SIGNATURE_MISMATCH',
    ]);
    const allowed = await slipway.deploy('electricity', other, { allowSignatureChange: true });
    expect(allowed.body.version).toMatchObject({ version: 2, state: 'idle' });
  });

  test('provenance and timeline say who, what and when', async () => {
    const { body } = await slipway.deploy('again', model);
    expect(body.version.provenance).toMatchObject({
      by: 'local',
      file: 'model.txt',
      framework: 'lightgbm',
      bytes: expect.any(Number),
    });
    const { body: timeline } = await slipway.api<{ entries: TimelineEntry[] }>(
      'GET',
      '/api/timeline?model=again',
    );
    expect(timeline.entries[0]).toMatchObject({ kind: 'deploy', by: 'local', model: 'again', version: 1 });
  });

  test('features can be hashed or dropped, and labels still join', async () => {
    await slipway.deploy('private', model, { privacy: { hash: ['nswprice'], drop: ['nswdemand'] } });
    const { body } = await slipway.predict('private', { features: rows[0]!.features });
    await slipway.label({ id: body.id, label: rows[0]!.label });
    const view = await slipway.prediction(body.id);
    expect(view.label).toMatchObject({ value: rows[0]!.label });
    expect(Object.keys(view.features)).toEqual([
      'period',
      'nswprice#hash',
      'vicprice',
      'vicdemand',
      'transfer',
    ]);
    expect(view.features['nswprice#hash']).not.toBe(rows[0]!.features.nswprice);
  });
});

test('server-sent events say what has changed', async () => {
  const stop = new AbortController();
  const response = await fetch(`${slipway.control}/api/events`, { signal: stop.signal });
  const heard = (async () => {
    let text = '';
    for await (const chunk of response.body!) {
      text += Buffer.from(chunk).toString();
      if (text.includes('models/electricity')) return true;
    }
    return false;
  })();
  await slipway.predict('electricity', { features: rows[0]!.features });
  expect(await heard).toBe(true);
  stop.abort();
});

describe('keys', () => {
  let folder: string;
  let locked: Slipway;
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'slipway-keys-'));
    writeFileSync(join(folder, 'keys'), '# who: key\nanna:a-key-that-is-long-enough\n');
    locked = await Slipway.start({ keyFile: join(folder, 'keys') });
  });
  afterAll(async () => {
    await locked.end();
    rmSync(folder, { recursive: true, force: true });
  });
  const json = { 'content-type': 'application/json' };
  const authorization = 'Bearer a-key-that-is-long-enough';

  test('nobody without one gets anything but health and the console’s files', async () => {
    for (const url of [
      `${locked.control}/api/models`,
      `${locked.control}/metrics`,
      `${locked.dataPlane}/v2`,
    ]) {
      expect((await send(url, 'GET', {})).status).toBe(401);
      expect((await send(url, 'GET', { authorization: 'Bearer another' })).status).toBe(401);
      expect((await send(url, 'GET', { authorization })).status).toBe(200);
    }
    expect((await send(`${locked.dataPlane}/predict/x`, 'POST', json, '{}')).status).toBe(401);
    expect((await send(`${locked.control}/health/live`, 'GET', {})).status).toBe(200);
    expect((await send(`${locked.dataPlane}/health/ready`, 'GET', {})).status).toBe(200);
  });

  test('its name is the actor', async () => {
    const upload = await fetch(`${locked.control}/api/uploads`, {
      method: 'PUT',
      headers: { authorization, 'content-type': 'application/octet-stream' },
      body: await (await import('node:fs/promises')).readFile(model),
    });
    const { digest } = (await upload.json()) as { digest: string };
    const body = JSON.stringify({ file: { name: 'model.txt', digest } });
    const { text } = await send(
      `${locked.control}/api/models/e/versions`,
      'POST',
      { ...json, authorization },
      body,
    );
    expect((JSON.parse(text) as DeployAnswer).version.provenance.by).toBe('anna');
  });
});

test('status names every process', async () => {
  const { body } = await slipway.api<StatusView>('GET', '/api/status');
  expect(body.processes.map(({ name }) => name).sort()).toEqual(['control', 'lane-1', 'loops', 'supervisor']);
  expect(body.processes.every(({ state, megabytes }) => state === 'ready' && megabytes > 10)).toBe(true);
});
