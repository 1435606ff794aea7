import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { RequestListener } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { ModelView, TimelineEntry, VersionView } from '../../src/api.ts';
import { bodyOf, type Served, serve } from '../models/remote/upstream-of.ts';
import { electricity, inRepository, Slipway, until } from './harness.ts';

/** A Slipway whose models stay in another one. */
let slipway: Slipway;
let other: Slipway;
/** The same as the other one, but for TLS. */
let encrypted: Slipway;
let folder: string;
let usualAuthorities: string | undefined;
const model = inRepository('examples/electricity/model.txt');
const rows = electricity(9062, 9362);
const names = Object.keys(rows[0]!.features);

function remoteFile(name: string, settings: object): string {
  const path = join(folder, `${name}.json`);
  writeFileSync(
    path,
    JSON.stringify({ slipway: 'remote', model: 'electricity', connectMs: 60_000, ...settings }),
  );
  return path;
}

/** By the upstream's own names: one tensor X. */
function asColumns(features: Record<string, number>): Record<string, number> {
  return Object.fromEntries(names.map((name, i) => [`X_${i}`, features[name]!]));
}

async function metric(name: string): Promise<number> {
  const { body } = await slipway.api<string>('GET', '/metrics');
  return Number(new RegExp(`${name} (\\d+)`).exec(body)?.[1] ?? 0);
}

interface Failure {
  error: { code: string };
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'slipway-remote-'));
  const [cert, key] = ['cert', 'key'].map((name) => inRepository(`server/test/http/tls/${name}.pem`));
  // Read by Node when a process starts.
  usualAuthorities = process.env.NODE_EXTRA_CA_CERTS;
  process.env.NODE_EXTRA_CA_CERTS = cert;
  [slipway, other, encrypted] = await Promise.all([Slipway.start(), Slipway.start(), Slipway.start()]);
  for (const one of [other, encrypted]) expect((await one.deploy('electricity', model)).status).toBe(201);
  await encrypted.stop();
  encrypted = await Slipway.start({ data: encrypted.folder, tls: { cert: cert!, key: key! } });
  expect((await slipway.deploy('here', model)).status).toBe(201);
});
afterAll(async () => {
  await Promise.all([slipway.end(), other.end(), encrypted.end()]);
  if (usualAuthorities === undefined) delete process.env.NODE_EXTRA_CA_CERTS;
  else process.env.NODE_EXTRA_CA_CERTS = usualAuthorities;
  rmSync(folder, { recursive: true, force: true });
});

/** The other Slipway's addresses, by how it is spoken with. */
const ways: [string, () => string, string][] = [
  ['rest', () => other.dataPlane, 'bytes over REST'],
  ['grpc', () => `grpc://${other.grpc}`, 'bytes over gRPC'],
  ['https', () => encrypted.dataPlane, 'bytes over REST'],
  ['grpcs', () => `grpcs://${encrypted.grpc}`, 'bytes over gRPC'],
];

test.each(ways)(
  'a model of another server is deployed as a version like any other, and answers the same (%s)',
  async (way, url, tensors) => {
    const name = `there-${way}`;
    const file = remoteFile(name, { url: url(), version: '1', timeoutMs: 60_000 });
    const { status, body } = await slipway.deploy(name, file, { classes: [0, 1] });
    expect(status).toBe(201);
    expect(JSON.stringify(body)).toContain('"remote"');
    const view = await slipway.api<VersionView>('GET', `/api/models/${name}/versions/1`);
    expect(view.body.facts).toMatchObject({ upstream: expect.any(String), tensors });
    for (const { features } of rows.slice(0, 20)) {
      const there = await slipway.predict(name, { features: asColumns(features) });
      const here = await slipway.predict('here', { features });
      expect(there.status).toBe(200);
      expect(there.body.probabilities).toEqual(here.body.probabilities);
      const { answers } = await slipway.prediction(there.body.id);
      expect(answers[0]).toMatchObject({ version: 1, role: 'live' });
    }
    const ask = (model: string, all: object[]) =>
      slipway.predict<{ predictions: { probabilities: unknown }[] }>(model, { rows: all });
    const there = await ask(
      name,
      rows.map(({ features }) => asColumns(features)),
    );
    const here = await ask(
      'here',
      rows.map(({ features }) => features),
    );
    expect(there.body.predictions).toHaveLength(rows.length);
    expect(there.body.predictions.map(({ probabilities }) => probabilities)).toEqual(
      here.body.predictions.map(({ probabilities }) => probabilities),
    );
  },
);

test('it is tested in shadow: every row is asked, and scored with the label', async () => {
  const state = {
    count: 2,
    intercept: 0,
    mean: names.map(() => 0),
    variance: names.map(() => 1),
    weights: names.map(() => 1),
  };
  const quick = join(folder, 'quick.json');
  const features = names.map((_, i) => `X_${i}`);
  writeFileSync(quick, JSON.stringify({ slipway: 'logistic', features, state }));
  expect((await slipway.deploy('tested', quick)).status).toBe(201);
  const file = remoteFile('shadow', { url: other.dataPlane, version: '1', timeoutMs: 60_000 });
  expect((await slipway.deploy('tested', file, { classes: [0, 1], as: 'shadow' })).status).toBe(201);
  for (const row of rows.slice(0, 100)) {
    const { body } = await slipway.predict('tested', { features: asColumns(row.features) });
    await slipway.label({ id: body.id, label: row.label });
  }
  const view = async () => (await slipway.api<ModelView>('GET', '/api/models/tested')).body;
  await until(async () => (await view()).versions[1]!.score.labelled === 100, 'the shadow to be scored');
  expect(await metric('slipway_shadow_rows_total\\{model="tested",outcome="answered"\\}')).toBe(100);
});

/** Upstreams that are in trouble, behind the other Slipway's metadata. */
async function troubled(listener: RequestListener): Promise<Served & { begin(): void; end(): void }> {
  let inTrouble = false;
  const served = await serve(async (request, response) => {
    if (inTrouble && request.method === 'POST') {
      listener(request, response);
      return;
    }
    const url = new URL(request.url!, other.dataPlane);
    const body = request.method === 'POST' ? new Uint8Array(await bodyOf(request)) : null;
    // A proxy that knows nothing of binary tensors: it drops the header that they need.
    const answer = await fetch(url, { method: request.method!, body });
    response.writeHead(answer.status).end(Buffer.from(await answer.arrayBuffer()));
  });
  return { ...served, begin: () => (inTrouble = true), end: () => (inTrouble = false) };
}

test('one that hangs stalls nobody else, is left alone, and is never quarantined', async () => {
  let held = 0;
  const upstream = await troubled(() => void held++);
  try {
    const file = remoteFile('hangs', { url: upstream.url, timeoutMs: 5000 });
    expect((await slipway.deploy('hangs', file, { classes: [0, 1] })).status).toBe(201);
    upstream.begin();
    const ask = () => slipway.predict<Failure>('hangs', { features: asColumns(rows[0]!.features) });
    const hanging = Array.from({ length: 12 }, ask);
    await until(() => held === 12, 'all to hang');
    for (const { features } of rows.slice(0, 50))
      expect((await slipway.predict('here', { features })).status).toBe(200);
    for (const { status, body } of await Promise.all(hanging)) {
      expect([status, body.error.code]).toEqual([504, 'UPSTREAM_TIMEOUT']);
    }
    const { status, body } = await ask();
    expect([status, body.error.code]).toEqual([503, 'UPSTREAM_OPEN']);
    expect(await metric('slipway_requests_total\\{model="hangs",code="UPSTREAM_TIMEOUT"\\}')).toBe(12);
    expect(
      await metric('slipway_upstream_requests_total\\{model="hangs",version="1",outcome="failed"\\}'),
    ).toBe(12);
    expect(await metric('slipway_upstream_opened_total\\{model="hangs",version="1"\\}')).toBe(1);
    expect((await slipway.processNamed('lane-1')).restarts).toBe(0);
    const kindsOf = async () => {
      const timeline = await slipway.api<{ entries: TimelineEntry[] }>('GET', '/api/timeline?model=hangs');
      return timeline.body.entries.map(({ kind }) => kind).reverse();
    };
    const finding = async () => (await slipway.api<ModelView>('GET', '/api/models/hangs')).body.findings[0];
    await until(async () => (await finding()) !== undefined, 'the finding');
    expect(await finding()).toMatchObject({
      id: 'hangs/1/trouble',
      level: 'act',
      message: expect.stringContaining('its upstream is left alone'),
    });
    expect(await kindsOf()).toEqual(['deploy', 'finding']);
    upstream.end();
    await until(async () => (await ask()).status === 200, 'it to be found again');
    await until(async () => (await finding()) === undefined, 'the finding to be cleared');
    expect(await kindsOf()).toEqual(['deploy', 'finding', 'finding']);
  } finally {
    await upstream.close();
  }
});

test.each(ways.slice(0, 2))('one whose lane is killed is found again (%s)', async (way, url) => {
  const name = `killed-${way}`;
  const file = remoteFile(name, { url: url(), version: '1', timeoutMs: 60_000 });
  expect((await slipway.deploy(name, file, { classes: [0, 1] })).status).toBe(201);
  await other.kill('lane-1');
  const { features } = rows[0]!;
  const here = await slipway.predict('here', { features });
  await until(async () => {
    const { status, body } = await slipway.predict(name, { features: asColumns(features) });
    if (status === 200) expect(body.probabilities).toEqual(here.body.probabilities);
    return status === 200;
  }, 'it to answer again');
});

test('one that is gone keeps no lane from starting, nor other versions from going live', async () => {
  const upstream = await troubled(() => {});
  const file = remoteFile('gone', { url: upstream.url });
  expect((await slipway.deploy('gone', file, { classes: [0, 1] })).status).toBe(201);
  await upstream.close();
  await slipway.kill('lane-1');
  expect((await slipway.predict('here', { features: rows[0]!.features })).status).toBe(200);
  expect((await slipway.deploy('later', model)).status).toBe(201);
  const gone = await slipway.predict<Failure>('gone', { features: asColumns(rows[0]!.features) });
  expect([gone.status, gone.body.error.code]).toEqual([502, 'UPSTREAM_FAILED']);
  // A version that cannot be asked is not registered.
  const again = await slipway.deploy('never', file, { classes: [0, 1] });
  expect([again.status, (again.body as unknown as Failure).error.code]).toEqual([502, 'UPSTREAM_FAILED']);
});
