import { execFile } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { DeployAnswer, VersionView } from '../../src/api.ts';
import { inRepository, Slipway } from '../processes/harness.ts';

/** A folder, its tar and its zip, deployed as they are typed, to a running server. */
const run = promisify(execFile);
let slipway: Slipway;
let folder: string;
beforeAll(async () => {
  slipway = await Slipway.start();
  folder = mkdtempSync(join(tmpdir(), 'slipway-deploy-'));
});
afterAll(async () => {
  await slipway.end();
  rmSync(folder, { recursive: true, force: true });
});

async function cli(...given: string[]): Promise<string> {
  const command = [inRepository('server/src/cli/main.ts'), ...given, '--server', slipway.control];
  return (await run(process.execPath, command, { cwd: folder })).stdout;
}

test('an MLflow folder goes live, and its tar.gz is the same version again', async () => {
  const source = inRepository('spec/mlflow/lightgbm');
  const first = JSON.parse(await cli('deploy', 'churn', source, '--json')) as DeployAnswer;
  expect(first.version).toMatchObject({
    state: 'live',
    kind: 'lightgbm',
    provenance: { file: 'lightgbm.tar', main: 'model.lgb', files: 4 },
  });
  const archive = join(folder, 'lightgbm.tar.gz');
  await run('tar', ['-czf', archive, 'lightgbm'], { cwd: inRepository('spec/mlflow') });
  const second = JSON.parse(await cli('deploy', 'churn', archive, '--json')) as DeployAnswer;
  expect(second.version.provenance.digest).toBe(first.version.provenance.digest);
  expect(second.version.provenance.upload).not.toBe(first.version.provenance.upload);

  const features = Object.fromEntries(first.version.features.map(({ name }) => [name, 1]));
  const answer = await fetch(`${slipway.dataPlane}/predict/churn`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ features }),
  });
  expect(answer.status).toBe(200);

  const view = JSON.parse(await cli('versions', 'churn', '1', '--json')) as VersionView;
  expect(view).toMatchObject({ version: 1, inputs: [{ name: 'X', datatype: 'FP64', shape: [-1, 30] }] });
  expect(view.memoryBytes).toBeGreaterThan(0);
  expect(view.attachedBytes).toBeGreaterThanOrEqual(0);
  expect(await cli('versions', 'churn', '1')).toMatch(/^worst_perimeter +number/m);
});

test('the same folder makes the same upload, whenever it was written', async () => {
  const upload = async (path: string): Promise<string | undefined> =>
    (JSON.parse(await cli('deploy', 'twice', path, '--json')) as DeployAnswer).version.provenance.upload;
  const copy = join(folder, 'onnx');
  cpSync(inRepository('spec/mlflow/onnx'), copy, { recursive: true });
  expect(await upload(copy)).toBe(await upload(inRepository('spec/mlflow/onnx')));
});

test('a folder with a link is not sent at all', async () => {
  const linked = join(folder, 'linked');
  cpSync(inRepository('spec/mlflow/onnx'), linked, { recursive: true });
  symlinkSync('/etc/hostname', join(linked, 'weights.bin'));
  await expect(cli('deploy', 'linked', linked)).rejects.toMatchObject({
    code: 4,
    stderr: expect.stringContaining('weights.bin is a link'),
  });
});
