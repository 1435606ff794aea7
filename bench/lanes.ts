import { availableParallelism } from 'node:os';
import { electricity, inRepository } from '../server/test/processes/harness.ts';
import { fire, post, type Shot } from './load.ts';
import { SlipwayProcess } from './slipway.ts';

/**
 * Requests a second by the number of lanes, up to one a core. The generator takes a core of its own share: where it
 * has none, what all lanes answer per CPU second says whether they are in each other's way. Usage: node bench/lanes.ts
 * [seconds] [most lanes]
 */
const seconds = Number(process.argv[2] ?? 5);
const most = Number(process.argv[3] ?? availableParallelism());
const shots = electricity(9062, 19_062).map(
  ({ features }): Shot => ({ bytes: post('/predict/small', JSON.stringify({ features })), check: () => {} }),
);
for (let lanes = 1; lanes <= most; lanes *= 2) {
  const slipway = await SlipwayProcess.start('--lanes', String(lanes));
  try {
    await slipway.deploy('small', inRepository('examples/electricity/model.txt'));
    await fire(slipway.port, shots, 32, 1);
    const before = await slipway.cpu();
    const { requests, seconds: took, wrong, refused } = await fire(slipway.port, shots, 32, seconds);
    const cpu = (await slipway.cpu()).lanes - before.lanes;
    console.log(
      `${lanes} lane${lanes > 1 ? 's' : ''}: ${(requests / took).toFixed(0)} requests/s, ${(requests / cpu).toFixed(0)} per CPU second of all lanes, ${(cpu / took).toFixed(2)} cores, ${wrong + refused} not answered`,
    );
  } finally {
    await slipway.stop();
  }
}
