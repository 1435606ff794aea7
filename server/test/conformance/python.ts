import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { inRepository } from '../processes/harness.ts';

const run = promisify(execFile);

/** Clients that do not live in one environment together: a module that each needs, and what it installs. */
export const clients = {
  triton: 'tritonclient.grpc',
  kserve: 'kserve',
  mlserver: 'mlserver',
} as const;
export type Client = keyof typeof clients;

/** Where packages come slowly, the rest of the check does not wait for them. */
const installMs = 240_000;

/** Environments that are made here are kept for the next run. */
const folder = inRepository('node_modules/.cache/slipway-python');

/**
 * A Python that has a client's packages: the one that SLIPWAY_PYTHON_TRITON, _KSERVE or _MLSERVER names, or, for clients
 * that SLIPWAY_PYTHON_INSTALL names (by commas), an environment made with python3 and pip. Else why there is none.
 */
export async function pythonFor(client: Client): Promise<{ python: string } | { why: string }> {
  const variable = `SLIPWAY_PYTHON_${client.toUpperCase()}`;
  const said = process.env[variable];
  if (said)
    return (await has(said, client)) ? { python: said } : { why: `${variable} has no ${clients[client]}` };
  if (!process.env.SLIPWAY_PYTHON_INSTALL?.split(',').includes(client))
    return { why: `neither ${variable} nor SLIPWAY_PYTHON_INSTALL says where it is` };
  const python = join(folder, client, 'bin/python');
  if (existsSync(python) && (await has(python, client))) return { python };
  return install(client, python);
}

async function has(python: string, client: Client): Promise<boolean> {
  return run(python, ['-c', `import ${clients[client]}, numpy`]).then(
    () => true,
    () => false,
  );
}

async function install(client: Client, python: string): Promise<{ python: string } | { why: string }> {
  const environment = join(folder, client);
  const requirements = inRepository(`spec/conformance/requirements-${client}.txt`);
  try {
    const { stdout } = await run('python3', ['-c', 'import sys; print(sys.version_info >= (3, 11))']);
    if (stdout.trim() !== 'True') return { why: 'python3 is older than 3.11' };
    mkdirSync(folder, { recursive: true });
    await run('python3', ['-m', 'venv', environment]);
    await run(
      python,
      ['-m', 'pip', 'install', '--quiet', '--only-binary=:all:', '--retries', '1', '-r', requirements],
      {
        timeout: installMs,
      },
    );
    return { python };
  } catch (error) {
    rmSync(environment, { recursive: true, force: true });
    return { why: `an environment cannot be made: ${(error as Error).message.split('\n')[0]}` };
  }
}
