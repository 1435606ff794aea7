import { electricity, inRepository } from '../server/test/processes/harness.ts';
import { fire, post } from './load.ts';
import { residentBytes } from './process-cpu.ts';
import { SlipwayProcess } from './slipway.ts';

/**
 * Resident memory of each process after every quarter of a million predictions (32 rows a request would hide
 * growth: one row each). `slipway serve` as a user starts it: this process, which fires, is none of them.
 */
const predictions = Number(process.argv[2] ?? 1_000_000);
const quarters = 4;

const slipway = await SlipwayProcess.start();
try {
  await slipway.deploy('electricity', inRepository('examples/electricity/model.txt'));
  const shots = electricity(9062, 19_062).map(({ features }) => ({
    bytes: post('/predict/electricity', JSON.stringify({ features })),
    check: () => {},
  }));
  let sent = 0;
  for (let quarter = 1; quarter <= quarters; quarter++) {
    while (sent < (predictions * quarter) / quarters)
      sent += (await fire(slipway.port, shots, 16, 2)).requests;
    const lines = (await slipway.processes()).map(
      ({ name, pid }) => `${name} ${(residentBytes(pid) / 2 ** 20).toFixed(0)} MB`,
    );
    console.log(`after ${sent} predictions: ${lines.join(', ')}`);
  }
} finally {
  await slipway.stop();
}
