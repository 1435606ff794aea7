import type { StatusView } from '../server/src/api.ts';
import { electricity, inRepository, Slipway } from '../server/test/processes/harness.ts';
import { fire, post } from './load.ts';
import { residentBytes } from './process-cpu.ts';

/** Resident memory of each process after every quarter of a million predictions (32 rows a request would hide growth: one row each). */
const predictions = Number(process.argv[2] ?? 1_000_000);
const quarters = 4;

const slipway = await Slipway.start({ heartbeatMs: 60_000 });
try {
  const deployed = await slipway.deploy('electricity', inRepository('examples/electricity/model.txt'));
  if (deployed.status !== 201) throw new Error(JSON.stringify(deployed.body));
  const port = Number(new URL(slipway.dataPlane).port);
  const shots = electricity(9062, 19_062).map(({ features }) => ({
    bytes: post('/predict/electricity', JSON.stringify({ features })),
    check: () => {},
  }));
  let sent = 0;
  for (let quarter = 1; quarter <= quarters; quarter++) {
    while (sent < (predictions * quarter) / quarters) sent += (await fire(port, shots, 16, 2)).requests;
    const { body } = await slipway.api<StatusView>('GET', '/api/status');
    const lines = body.processes.map(
      ({ name, pid }) => `${name} ${(residentBytes(pid) / 2 ** 20).toFixed(0)} MB`,
    );
    console.log(`after ${sent} predictions: ${lines.join(', ')}`);
  }
} finally {
  await slipway.end();
}
