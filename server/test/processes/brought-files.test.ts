import { readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { status } from '@grpc/grpc-js';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { VersionView } from '../../src/api.ts';
import { GrpcClient } from '../grpc/client.ts';
import { electricity, inRepository, Slipway } from './harness.ts';

/** Triton's clients load a model with its files: for whoever holds an admin's key it is a deployment, for others nothing. */
const key = 'a-key-of-an-administrator';
const keys = join(tmpdir(), `slipway-admin-keys-${process.pid}`);
let slipway: Slipway;
let grpc: GrpcClient;

beforeAll(async () => {
  writeFileSync(keys, `ann:${key}\n`);
  slipway = await Slipway.start({ adminKeyFile: keys });
  grpc = new GrpcClient(slipway.grpc);
});
afterAll(async () => {
  grpc.close();
  await slipway.end();
});

const booster = readFileSync(inRepository('examples/electricity/model.txt'));
const admin = { authorization: `Bearer ${key}` };

async function load(model: string, parameters: object, headers: Record<string, string> = admin) {
  const response = await fetch(`${slipway.dataPlane}/v2/repository/models/${model}/load`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify({ parameters }),
  });
  return { status: response.status, text: await response.text() };
}

/** The file of the version that answers, by whom it came, and how many versions there are. */
async function live(model: string) {
  const { body } = await slipway.api<{ versions: VersionView[] }>('GET', `/api/models/${model}/versions`);
  const { provenance } = body.versions.find(({ state }) => state === 'live')!;
  return { file: provenance.file, by: provenance.by, versions: body.versions.length };
}

const answer = async (model: string) =>
  (await slipway.predict(model, { features: electricity(0, 1)[0]!.features })).status;

test('files become a version that answers', async () => {
  const file = { 'file:1/model.txt': booster.toString('base64') };
  const config = JSON.stringify({ name: 'power', backend: 'lightgbm', max_batch_size: 8 });
  expect(await load('power', { config, ...file })).toEqual({ status: 200, text: '{}' });
  expect(await live('power')).toEqual({ file: 'model.txt', by: 'ann', versions: 1 });
  expect(await answer('power')).toBe(200);
  // Whoever loads it wants it to answer.
  await slipway.data('POST', '/v2/repository/models/power/unload', {});
  expect(await answer('power')).toBe(503);
  await grpc.ask(
    'RepositoryModelLoad',
    { model_name: 'power', parameters: { 'file:1/model.txt': { bytes_param: booster } } },
    { headers: admin },
  );
  expect(await live('power')).toEqual({ file: 'model.txt', by: 'ann', versions: 2 });
  expect(await answer('power')).toBe(200);
});

test('several files are one folder', async () => {
  const folder = inRepository('spec/mlflow/lightgbm');
  const names = ['MLmodel', 'model.lgb'];
  const files = names.map((name) => [`file:1/${name}`, readFileSync(join(folder, name)).toString('base64')]);
  expect(await load('folder', Object.fromEntries(files))).toEqual({ status: 200, text: '{}' });
  expect(await live('folder')).toMatchObject({ by: 'ann', versions: 1 });
});

test.each([
  ['no key', {}, {}, 403, /LOAD_REFUSED.*admin-key-file/],
  ['a key that is not known', {}, { authorization: 'Bearer another-key-of-someone' }, 401, /UNAUTHORIZED/],
  ['what passes no gate', { 'file:1/model.txt': 'AAAA' }, admin, 400, /FILE_NOT_RECOGNISED/],
  ['what is no base64', { 'file:1/model.txt': 'a model?' }, admin, 400, /is not the base64/],
  ['a file of no version', { 'file:model.txt': 'AAAA' }, admin, 400, /file:1\/model\.onnx/],
  ['two versions', { 'file:1/a': 'AAAA', 'file:2/a': 'AAAA' }, admin, 400, /2 versions/],
  ['a way out', { 'file:1/../../a': 'AAAA', 'file:1/b': 'AAAA' }, admin, 400, /FILE_UNSAFE/],
  ['settings', { config: '{"dynamic_batching":{}}', 'file:1/a': 'AAAA' }, admin, 403, /slipway tune/],
  ['a configuration alone', { config: '{}' }, admin, 403, /slipway tune/],
  ['a broken configuration', { config: '{', 'file:1/a': 'AAAA' }, admin, 400, /is not the JSON of an object/],
])('%s: nothing is registered', async (_what, parameters, headers, code, said) => {
  const given = Object.keys(parameters).length > 0 ? parameters : { 'file:1/model.txt': 'AAAA' };
  const refused = await load('refused', given, headers);
  expect(refused.status).toBe(code);
  expect(refused.text).toMatch(said);
  expect((await slipway.data('GET', '/v2/models/refused')).status).toBe(404);
});

test('over gRPC likewise', async () => {
  const request = { model_name: 'refused', parameters: { 'file:1/a.txt': { bytes_param: booster } } };
  await expect(grpc.ask('RepositoryModelLoad', request)).rejects.toMatchObject({
    code: status.PERMISSION_DENIED,
  });
});

test('who asks for less needs no key', async () => {
  expect(await answer('power')).toBe(200);
  expect((await slipway.data('POST', '/v2/repository/models/power/load', {})).status).toBe(200);
});
