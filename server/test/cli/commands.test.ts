import { type ExecFileException, execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { DeployAnswer, RolloutView, StatusView, VersionView } from '../../src/api.ts';
import { bytes } from '../../src/cli/options.ts';
import { inRepository, Slipway } from '../processes/harness.ts';

/** Every command as a person or a script types it, against a real server. */
const program = inRepository('server/bin/slipway.js');
const example = (name: string) => inRepository(`examples/electricity/${name}`);
const features =
  '{"period":0.5,"nswprice":0.06,"nswdemand":0.44,"vicprice":0.0035,"vicdemand":0.42,"transfer":0.41}';

interface Ended {
  code: number;
  stdout: string;
  stderr: string;
}

let slipway: Slipway;
let folder: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'slipway-cli-test-'));
  slipway = await Slipway.start();
});
afterAll(async () => {
  await slipway.end();
  rmSync(folder, { recursive: true, force: true });
});

function run(...words: string[]): Promise<Ended> {
  const env = { ...process.env, SLIPWAY_SERVER: slipway.control };
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      [program, ...words],
      { env },
      (error: ExecFileException | null, stdout, stderr) =>
        resolve({ code: error ? Number(error.code) : 0, stdout, stderr }),
    );
  });
}

async function json<T>(...words: string[]): Promise<T> {
  const { code, stdout, stderr } = await run(...words, '--json');
  expect([code, stderr, code === 0 ? '' : stdout]).toEqual([0, '', '']);
  return JSON.parse(stdout) as T;
}

function inFolder(name: string, content: string): string {
  const file = join(folder, name);
  writeFileSync(file, content);
  return file;
}

/** The training rows of the example, as its README says. */
function trainingRows(): string {
  const lines = readFileSync(example('elec.csv'), 'utf8').split('\n');
  return inFolder('train.csv', `${lines.slice(0, 9063).join('\n')}\n`);
}

const commands = [
  'serve',
  'inspect',
  'deploy',
  'versions',
  'promote',
  'rollback',
  'rollout',
  'tune',
  'load',
  'unload',
  'predict',
  'status',
  'demo',
];

describe('help', () => {
  test.each(['', ...commands])('slipway %s --help fits a terminal of 80 columns', async (command) => {
    const { code, stdout } = await run(...(command === '' ? [] : [command]), '--help');
    expect(code).toBe(0);
    expect(stdout).toContain('$ slipway');
    expect(stdout.split('\n').filter((line) => line.length > 80)).toEqual([]);
  });
});

test('from a file to a rollback, each command in turn', async () => {
  const baseline = ['--baseline', trainingRows(), '--label', 'class'];
  const deployed = await run(
    'deploy',
    'power',
    example('model.txt'),
    ...baseline,
    '--golden',
    example('golden.json'),
  );
  expect(deployed.stdout).toMatch(
    /^power version 1 \(lightgbm\) is live\.\n[\s\S]*✓ golden rows: 69 rows[\s\S]*promise: 87\.0 % right on its 9,062 training rows\n$/,
  );
  const second = await json<DeployAnswer>(
    'deploy',
    'power',
    example('learner.json'),
    ...baseline,
    '--as',
    'shadow',
  );
  expect(second).toMatchObject({ version: { version: 2, state: 'shadow' }, rollout: 'power-1' });

  const answer = await json<{ id: string; version: number }>('predict', 'power', '--features', features);
  expect(answer).toMatchObject({ version: 1, prediction: 0 });
  const csv = inFolder(
    'rows.csv',
    'period,nswprice,nswdemand,vicprice,vicdemand,transfer\n0.5,0.06,0.44,0.0035,0.42,0.41\n',
  );
  const list = inFolder('rows.json', `[${features}]`);
  const lines = inFolder('rows.jsonl', `${features}\n`);
  for (const file of [csv, list, lines]) {
    const many = await json<{ predictions: object[] }>('predict', 'power', '--file', file);
    expect(many.predictions).toMatchObject([{ version: 1, prediction: 0 }]);
  }
  await slipway.label({ id: answer.id, label: 1 });

  const { models } = await json<StatusView>('status');
  expect(models).toMatchObject([{ model: 'power', live: 1, traffic: { predictions: 4, labels: 1 } }]);
  expect((await run('status')).stdout).toMatch(/\npower +1 +4 +1 +0\.0 % /);
  const { versions } = await json<{ versions: VersionView[] }>('versions', 'power');
  expect(versions.map(({ state }) => state)).toEqual(['live', 'shadow']);

  // A hold is in force, and said, when the command ends.
  expect(await json<RolloutView>('rollout', 'power', '--hold')).toMatchObject({
    state: 'held',
    verdict: 'hold',
  });
  expect((await run('rollout', 'power', '--resume')).stdout).toMatch(/^Rollout power-1: .*, running\./);
  expect((await json<RolloutView>('rollout', 'power', '--stop')).state).toBe('ended');
  const begun = await json<RolloutView>(
    'rollout',
    'power',
    '--candidate',
    '2',
    '--alpha',
    '0.01',
    '--least-pairs',
    '900',
  );
  expect(begun).toMatchObject({ id: 'power-2', rule: { alpha: 0.01, leastPairs: 900 } });

  const tuned = await run('tune', 'power', '--cache', '2MB', '--timeout', '250');
  expect(tuned).toMatchObject({ code: 0, stderr: '' });
  expect(tuned.stdout).toMatch(/^Version 1 of power is served so from now on:\n[\s\S]*cache: up to 2 MB/);
  expect((await run('versions', 'power', '1')).stdout).toMatch(/\ncache +up to 2 MB .*\ntimeout +250 ms\n/);
  expect((await json<VersionView>('tune', 'power', '1', '--timeout', 'none')).serving).toEqual({
    batching: null,
    automatic: true,
    cacheBytes: 2e6,
    timeoutMs: null,
  });

  expect((await run('promote', 'power', '2', '--reason', 'a try')).stdout).toBe(
    'Version 2 of power is live: the lane serves it; version 1 stays warm.\n',
  );
  expect(await json('rollback', 'power')).toMatchObject({ live: 1, previous: 2 });
});

/** Wrong input: the exit code, and the code of the error, as text and as JSON. */
test.each<[number, string, RegExp, string[]]>([
  [1, 'MODEL_NOT_FOUND', /no model "nope"/, ['versions', 'nope']],
  [1, 'MODEL_NOT_FOUND', /no model "nope"/, ['rollback', 'nope']],
  [2, 'INVALID_REQUEST', /there is no such file/, ['deploy', 'm', 'no-such-file.txt']],
  [2, 'INVALID_REQUEST', /--label names a column/, ['deploy', 'm', example('model.txt'), '--label', 'class']],
  [2, 'INVALID_REQUEST', /Allowed choices are reject, impute/, ['deploy', 'm', 'f', '--missing', 'maybe']],
  [2, 'INVALID_REQUEST', /not a whole number/, ['promote', 'm', '1e3']],
  [2, 'INVALID_REQUEST', /cannot be used with/, ['rollout', 'm', '--hold', '--stop']],
  [2, 'INVALID_REQUEST', /either --features or --file/, ['predict', 'm']],
  [2, 'INVALID_REQUEST', /is not JSON/, ['predict', 'm', '--features', '{']],
  [2, 'INVALID_REQUEST', /Did you mean status/, ['stat']],
  [2, 'INVALID_REQUEST', /not an address/, ['status', '--server', 'here']],
  [2, 'INVALID_REQUEST', /between 1 and 64/, ['demo', '--lanes', '0']],
  [3, 'SERVER_UNREACHABLE', /No Slipway answers/, ['status', '--server', 'http://127.0.0.1:1']],
  [4, 'FILE_NOT_RECOGNISED', /no format that Slipway knows/, ['deploy', 'm', inRepository('README.md')]],
])('exit code %i, %s: %s', async (code, error, why, words) => {
  const asText = await run(...words);
  expect([asText.code, asText.stdout]).toEqual([code, '']);
  expect(asText.stderr).toMatch(new RegExp(`^${error}: .+\\n.+\\n$`));
  expect(asText.stderr).toMatch(why);
  const asJson = await run(...words, '--json');
  expect([asJson.code, asJson.stderr]).toEqual([code, '']);
  expect(JSON.parse(asJson.stdout)).toMatchObject({
    error: { code: error, message: expect.stringMatching(why) },
  });
});

test('what is made live of an unloaded model is not said to be served', async () => {
  await run('deploy', 'away', example('model.txt'));
  expect((await run('unload', 'away')).stdout).toMatch(/^away is unloaded: it answers nobody until/);
  const unloaded = /is live\.\n[\s\S]*away is unloaded: it answers nobody until `slipway load away`\.\n$/;
  expect((await run('deploy', 'away', example('model.txt'), '--as', 'live')).stdout).toMatch(unloaded);
  const rolledBack = await run('rollback', 'away');
  expect(rolledBack.stdout).toMatch(unloaded);
  expect(rolledBack.stdout).not.toContain('serve');
  expect((await run('load', 'away')).stdout).toBe('away answers again: version 1.\n');
});

test.each([
  ['300', 300],
  ['64MB', 64e6],
  ['1.5 kB', 1500],
  ['2GiB', 2 ** 31],
])('%s is a size', (text, size) => {
  expect(bytes(text)).toBe(size);
});

test.each(['', '-5', '64mb', '1e3', '64M', 'x', '99999999999999999999'])('"%s" is no size', (text) => {
  expect(() => bytes(text)).toThrow('It is no size, such as 64MB or 2GiB.');
});

test('a failed gate says which, and registers nothing', async () => {
  const golden = JSON.parse(readFileSync(example('golden.json'), 'utf8')) as {
    outputs: { name: string; data: number[] }[];
  };
  golden.outputs.find(({ name }) => name === 'predict')!.data[0]! += 0.25;
  const wrong = inFolder('wrong.json', JSON.stringify(golden));
  const { code, stderr } = await run('deploy', 'gated', example('model.txt'), '--golden', wrong);
  expect(code).toBe(4);
  expect(stderr).toMatch(/^GATE_FAILED: Gate "golden rows": row 0 /);
  expect((await run('versions', 'gated')).stderr).toMatch(/^MODEL_NOT_FOUND/);
});
