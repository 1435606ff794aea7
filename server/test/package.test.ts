import { execFileSync, spawn } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { interpreter } from './models/python/interpreter.ts';
import { inRepository, until } from './processes/harness.ts';

/**
 * The package as npm would publish it, in an empty folder. Its dependencies are the workspace's own (no
 * registry is asked); everything of Slipway itself comes out of the tarball.
 */
let folder: string;
let program: string;
const root = inRepository('.');

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'slipway-package-'));
  execFileSync('npm', ['run', '--silent', 'build'], { cwd: root, stdio: 'pipe' });
  execFileSync('npm', ['pack', '--silent', '--workspace', 'server', '--pack-destination', folder], {
    cwd: root,
    stdio: 'pipe',
  });
  const tarball = readdirSync(folder).find((name) => name.endsWith('.tgz'))!;
  execFileSync('tar', ['xzf', tarball], { cwd: folder });
  // As npm lays it out: a real folder inside node_modules, where type stripping is not to be had.
  const modules = join(folder, 'node_modules');
  mkdirSync(modules);
  renameSync(join(folder, 'package'), join(modules, 'slipway'));
  for (const name of readdirSync(join(root, 'node_modules'))) {
    if (!name.startsWith('.') && !name.startsWith('slipway'))
      symlinkSync(join(root, 'node_modules', name), join(modules, name));
  }
  program = join(modules, 'slipway', 'bin', 'slipway.js');
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const run = (...words: string[]): string =>
  execFileSync(process.execPath, [program, ...words], {
    cwd: folder,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  });

test('holds what it needs and no source', () => {
  const held = readdirSync(join(folder, 'node_modules', 'slipway'), { recursive: true, encoding: 'utf8' });
  for (const file of [
    'LICENSE',
    'README.md',
    'dist/cli/main.js',
    'dist/console/index.html',
    'dist/examples/electricity/elec.csv',
  ]) {
    expect(held).toContain(file);
  }
  expect(held.filter((file) => /(?<!\.d)\.ts$/.test(file))).toEqual([]);
});

test('the SDK’s package holds what it needs', () => {
  const words = ['pack', '--silent', '--dry-run', '--json', '--workspace', 'client'];
  const packed = execFileSync('npm', words, {
    cwd: root,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  for (const file of ['LICENSE', 'README.md', 'dist/client.js', 'dist/client.d.ts']) {
    expect(packed).toContain(`"${file}"`);
  }
});

test('says what it does', () => {
  expect(run('--help')).toMatch(/From trained model to trusted production/);
  const { version } = JSON.parse(readFileSync(join(root, 'server', 'package.json'), 'utf8')) as {
    version: string;
  };
  expect(run('--version').trim()).toBe(version);
});

/** `slipway serve` with a data folder and more, until it was used. */
async function serving(
  words: string[],
  use: (one: { control: string; dataPlane: string; log: () => string }) => Promise<void>,
): Promise<void> {
  const server = spawn(
    process.execPath,
    [program, 'serve', '--json', '--port', '0', '--grpc-port', '0', '--control-port', '0', ...words],
    {
      cwd: folder,
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  );
  try {
    let text = '';
    server.stdout.on('data', (chunk: Buffer) => {
      text += chunk;
    });
    let log = '';
    server.stderr.on('data', (chunk: Buffer) => {
      log += chunk;
    });
    await until(() => text.trimEnd().endsWith('}'), 'the addresses');
    const addresses = JSON.parse(text) as { control: string; dataPlane: string };
    await use({ ...addresses, log: () => log });
  } finally {
    server.kill('SIGTERM');
    await new Promise((resolve) => server.once('exit', resolve));
  }
}

test('serves, deploys, predicts and stops', async () => {
  await serving(['--data', 'data'], async ({ control, dataPlane }) => {
    expect((await fetch(`${dataPlane}/health/ready`)).status).toBe(200);
    expect(await (await fetch(control)).text()).toContain('<div id="root">');
    const example = join(folder, 'node_modules', 'slipway', 'dist', 'examples', 'electricity');
    run(
      'deploy',
      'electricity',
      join(example, 'model.txt'),
      '--golden',
      join(example, 'golden.json'),
      '--server',
      control,
    );
    const features =
      '{"period":0.5,"nswprice":0.06,"nswdemand":0.44,"vicprice":0.0035,"vicdemand":0.42,"transfer":0.41}';
    const answer = JSON.parse(
      run('predict', 'electricity', '--features', features, '--server', control, '--json'),
    ) as object;
    expect(answer).toMatchObject({ version: 1, prediction: expect.any(Number) });
    expect(run('status', '--server', control)).toMatch(/electricity/);
  });
  expect(existsSync(join(folder, 'data', 'addresses.json'))).toBe(false);
});

test.skipIf(!interpreter)('runs Python code, and says what happened to its process', async () => {
  const words = ['--allow-python', '--python', interpreter!, '--python-timeout', '6000'];
  await serving(['--data', 'python', ...words], async ({ control, log }) => {
    const given = (does: string) => [
      'predict',
      'unruly',
      '--features',
      `{"do":"${does}","x":21}`,
      '--server',
      control,
      '--json',
    ];
    run('deploy', 'unruly', inRepository('spec/python/unruly'), '--server', control);
    expect(JSON.parse(run(...given('print')))).toMatchObject({ prediction: 42 });
    expect(() => run(...given('hang'))).toThrow();
    expect(JSON.parse(run(...given('')))).toMatchObject({ prediction: 42 });
    const said =
      /version 1: its predict did not return within 6 s\. It runs again\.[\s\S]*\| .*model\.py", line \d+ in predict/i;
    await until(() => said.test(run('status', '--server', control)), 'what happened to be said');
    const line = '"name":"scorer-unruly-1","model":"unruly","version":1,"msg":"from predict"';
    await until(() => log().includes(line), 'what it printed');
  });
});

test('a demo of its own data', () => {
  const closing = JSON.parse(
    run(
      'demo',
      '--pace',
      'max',
      '--rows',
      '100',
      '--exit',
      '--json',
      '--port',
      '0',
      '--control-port',
      '0',
      '--data',
      'demo',
    ),
  ) as object;
  expect(closing).toMatchObject({ rows: 100, served: { accuracy: expect.any(Number) } });
});
