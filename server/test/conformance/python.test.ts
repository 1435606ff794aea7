import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ModelView } from '../../src/api.ts';
import { electricity, inRepository, Slipway, until } from '../processes/harness.ts';
import { type Client, clients, pythonFor } from './python.ts';

/** Unmodified Python clients against a real Slipway (spec/conformance). Skipped, and said so, where there is no Python for them. */
const run = promisify(execFile);
const folder = inRepository('spec/conformance');
const { deployments } = JSON.parse(readFileSync(`${folder}/deployments.json`, 'utf8')) as {
  deployments: Record<string, { folder: string; file: string }>;
};
const scripts: [script: string, client: Client, checks: number][] = [
  ['triton_http', 'triton', 44],
  ['triton_grpc', 'triton', 32],
  ['plain_rest', 'triton', 41],
  ['kserve_client', 'kserve', 21],
  ['mlserver_codecs', 'mlserver', 10],
];
const found = new Map<Client, Awaited<ReturnType<typeof pythonFor>>>();
for (const client of Object.keys(clients) as Client[]) {
  const python = await pythonFor(client);
  found.set(client, python);
  if ('why' in python) console.warn(`Python clients (${client}) are skipped: ${python.why}.`);
}
const pythonOf = (client: Client): string | null => {
  const python = found.get(client)!;
  return 'python' in python ? python.python : null;
};

describe.skipIf([...found.values()].every((python) => 'why' in python))('Python clients', () => {
  let slipway: Slipway;
  beforeAll(async () => {
    slipway = await Slipway.start();
    const main = inRepository('server/src/cli/main.ts');
    for (const [name, { folder: at, file }] of Object.entries(deployments)) {
      const path = `${folder}/${at}/${file}`;
      // A description that means its folder is something that the command line knows.
      if (file === 'MLmodel')
        await run(process.execPath, [main, 'deploy', name, path, '--server', slipway.control]);
      else expect((await slipway.deploy(name, path)).status, name).toBe(201);
    }
    expect((await slipway.deploy('electricity', inRepository('examples/electricity/model.txt'))).status).toBe(
      201,
    );
  });
  afterAll(() => slipway.end());

  test.for(scripts)('%s: %s', async ([script, client, checks], { skip }) => {
    const python = pythonOf(client);
    if (!python) return skip('no Python for it');
    const given = ['--http', slipway.dataPlane, '--grpc', slipway.grpc];
    if (script === 'plain_rest') given.push('--metrics', `${slipway.control}/metrics`);
    const output = await run(python, [`${folder}/${script}.py`, ...given], { maxBuffer: 2 ** 24 }).then(
      ({ stdout }) => stdout,
      (failed: { stdout: string; stderr: string }) => failed.stdout || failed.stderr,
    );
    expect(output.split('\n').filter((line) => !line.startsWith('pass '))).toEqual([
      `${checks} passed, 0 failed`,
      '',
    ]);
  });

  test('tritonclient closes the loop to a joined label, over HTTP and gRPC', async ({ skip }) => {
    const python = pythonOf('triton');
    if (!python) return skip('no Python for it');
    const rows = electricity(9062, 9066);
    const asked = rows.map(({ features, label }) => ({ features: Object.values(features), label }));
    const given = [slipway.dataPlane, slipway.grpc, JSON.stringify(asked)];
    const { stdout } = await run(python, [`${folder}/closed_loop.py`, ...given]);
    const said = JSON.parse(stdout) as {
      id: string;
      key: string;
      subject: string | null;
      at: number | null;
    }[];
    expect(said).toHaveLength(2 * rows.length);
    for (const { id, key, subject, at } of said) {
      await until(async () => (await slipway.prediction(id)).label !== null, `the label of ${key}`);
      const kept = await slipway.prediction(id);
      expect(kept).toMatchObject({ key, subject, ...(at === null ? {} : { at }) });
      expect(kept.answers[0]!.correct).not.toBeNull();
    }
    const { body } = await slipway.api<{ models: ModelView[] }>('GET', '/api/models');
    const model = body.models.find((one) => one.model === 'electricity')!;
    expect(model.traffic.labels).toBe(said.length);
    expect(model.overall.labelled).toBe(said.length);
    expect(model.overall.value).not.toBeNull();
  });
});
