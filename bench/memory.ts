import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import type { StatusView } from '../server/src/api.ts';
import { electricity, inRepository } from '../server/test/processes/harness.ts';
import { fire, post } from './load.ts';
import { residentBytes } from './process-cpu.ts';

/**
 * Resident memory of each process after every quarter of a million predictions (32 rows a request would hide
 * growth: one row each). `slipway serve` as a user starts it: this process, which fires, is none of them.
 */
const predictions = Number(process.argv[2] ?? 1_000_000);
const quarters = 4;
const command = inRepository('server/bin/slipway.js');

const data = mkdtempSync(join(tmpdir(), 'slipway-bench-'));
const server = spawn(
  process.execPath,
  [command, 'serve', '--json', '--data', data, '--port', '0', '--control-port', '0'],
  { stdio: ['ignore', 'pipe', 'inherit'] },
);
try {
  const [said] = (await once(server.stdout.setEncoding('utf8'), 'data')) as [string];
  const { dataPlane, control } = JSON.parse(said) as { dataPlane: string; control: string };
  const deploy = spawn(
    process.execPath,
    [command, 'deploy', 'electricity', inRepository('examples/electricity/model.txt'), '--server', control],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  const answer = await text(deploy.stdout);
  if (!answer.includes('is live')) throw new Error(answer);
  const shots = electricity(9062, 19_062).map(({ features }) => ({
    bytes: post('/predict/electricity', JSON.stringify({ features })),
    check: () => {},
  }));
  let sent = 0;
  for (let quarter = 1; quarter <= quarters; quarter++) {
    while (sent < (predictions * quarter) / quarters)
      sent += (await fire(Number(new URL(dataPlane).port), shots, 16, 2)).requests;
    const { processes } = (await (await fetch(`${control}/api/status`)).json()) as StatusView;
    const lines = processes.map(({ name, pid }) => `${name} ${(residentBytes(pid) / 2 ** 20).toFixed(0)} MB`);
    console.log(`after ${sent} predictions: ${lines.join(', ')}`);
  }
} finally {
  server.kill('SIGTERM');
  await once(server, 'exit');
  rmSync(data, { recursive: true, force: true });
}
