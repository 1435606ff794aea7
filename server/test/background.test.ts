import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { afterEach, describe, expect, test } from 'vitest';
import { findBackground, GivingWay, inBackground, setBackground, waitedMs } from '../src/background.ts';

const children: ChildProcess[] = [];
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
});

/** Looks every 250 ms at a process that waits for these shares of the time. */
function changes(shares: number[]): number[] {
  const givingWay = new GivingWay();
  let waited = 7;
  return shares.flatMap((share, k) => {
    waited += 250 * share;
    return givingWay.look(1000 + 250 * k, waited) ? [k] : [];
  });
}

const long = (share: number, looks: number): number[] => Array<number>(looks).fill(share);

describe('a process that gives way', () => {
  test('does so after three seconds at ease, and not before', () => {
    expect(changes(long(0.1, 100))).toEqual([12]);
    expect(changes([...long(0.1, 8), ...long(0.4, 4), ...long(0.1, 13)])).toEqual([24]);
  });

  test('has its share again within a second when it hardly gets to work, and for as long as it waits', () => {
    expect(changes([...long(0, 20), ...long(0.9, 200)])).toEqual([12, 22]);
    expect(changes([...long(0, 20), ...long(0.9, 20), ...long(0.3, 100), ...long(0, 100)])).toEqual([
      12, 22, 150,
    ]);
  });

  test('is left as it is while it gets half of what it wants', () => {
    expect(changes([...long(0, 20), ...long(0.45, 200)])).toEqual([12]);
  });
});

const isHere = process.platform === 'linux' && hasChrt();

describe.skipIf(!isHere)('with chrt', () => {
  /** https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html, field 41: 0 as usual, 5 idle. */
  const policyOf = (pid: number): string =>
    /\) (.*)/.exec(readFileSync(`/proc/${pid}/stat`, 'utf8'))![1]!.split(' ')[38]!;
  const becomes = async (pid: number, policy: string): Promise<void> => {
    while (policyOf(pid) !== policy) await new Promise((resolve) => setTimeout(resolve, 10));
  };

  test('a process is started in the background, brought to the foreground, and put back', async () => {
    await findBackground();
    const { execPath, execArgv } = inBackground(['--expose-gc']);
    const child = spawn(execPath, [...execArgv, '-e', 'gc(); console.log(1); setInterval(() => {}, 1000)'], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    children.push(child);
    await once(child.stdout, 'data');
    expect(policyOf(child.pid!)).toBe('5');
    setBackground(child.pid!, false);
    await becomes(child.pid!, '0');
    setBackground(child.pid!, true);
    await becomes(child.pid!, '5');
    expect(waitedMs(child.pid!)).toBeGreaterThanOrEqual(0);
  });

  test('what it has started comes back with it', async () => {
    await findBackground();
    const code = `
      const child = require('node:child_process').spawn('sleep', ['60']);
      console.log(child.pid);
      process.stdin.on('end', () => child.kill()).resume();`;
    const { execPath, execArgv } = inBackground([]);
    const parent = spawn(execPath, [...execArgv, '-e', code], { stdio: ['pipe', 'pipe', 'inherit'] });
    children.push(parent);
    const [pid] = (await once(parent.stdout, 'data')).map(Number) as [number];
    await becomes(pid, '5');
    setBackground(parent.pid!, false);
    await becomes(pid, '0');
    parent.stdin.end();
    await once(parent, 'exit');
  });

  test.skipIf(process.getuid?.() !== 0)('nothing is put there from where it could not come back', () => {
    const code = `
      const { findBackground, inBackground } = await import(${JSON.stringify(module)});
      await findBackground();
      console.log(inBackground([]).execPath === process.execPath);`;
    const output = execFileSync(
      'setpriv',
      ['--bounding-set=-sys_nice', process.execPath, '--input-type=module', '--eval', code],
      { encoding: 'utf8' },
    );
    expect(output).toBe('true\n');
  });

  test('one that has ended is no error', async () => {
    await findBackground();
    const child = spawn('true');
    await once(child, 'exit');
    setBackground(child.pid!, true);
    expect(waitedMs(child.pid!)).toBeNull();
  });
});

const module = new URL('../src/background.ts', import.meta.url).href;

function hasChrt(): boolean {
  try {
    execFileSync('chrt', ['--idle', '0', 'chrt', '--other', '0', 'true'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}
