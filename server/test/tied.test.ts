import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { expect, test } from 'vitest';

const module = new URL('../src/tied.ts', import.meta.url).href;

test.skipIf(process.platform !== 'linux' || !hasSetpriv())(
  'a process that hangs ends with whoever started it, killed or not',
  async () => {
    const code = `
      import { spawn } from 'node:child_process';
      const { findTie, tied } = await import(${JSON.stringify(module)});
      await findTie();
      const hangs = 'console.log(process.pid); for (;;);';
      const { execPath, execArgv } = tied({ execPath: process.execPath, execArgv: ['-e', hangs] });
      spawn(execPath, execArgv, { stdio: ['ignore', 'inherit', 'inherit'] });`;
    const parent = spawn(process.execPath, ['--input-type=module', '--eval', code], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const [pid] = (await once(parent.stdout, 'data')).map(Number) as [number];
    expect(existsSync(`/proc/${pid}`)).toBe(true);
    parent.kill('SIGKILL');
    while (existsSync(`/proc/${pid}`)) await new Promise((resolve) => setTimeout(resolve, 10));
  },
);

function hasSetpriv(): boolean {
  try {
    execFileSync('setpriv', ['--pdeathsig', 'KILL', 'true'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}
