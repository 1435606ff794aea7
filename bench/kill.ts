import { killLanes } from '../server/test/processes/kill-lanes.ts';

/** `npm run bench:kill [-- KILLS]`: SIGKILLs of lanes under load; what was answered and is not in the journal. */
const kills = Number(process.argv[2] ?? 1000);
const started = performance.now();
const report = await killLanes({ kills, lanes: 2, clients: 16, random: Math.random });
console.log(
  `${report.kills} SIGKILLs of lanes in ${((performance.now() - started) / 1000).toFixed(0)} s under ${report.clients} clients:`,
);
console.log(`  ${report.answered} predictions answered, ${report.lostPredictions} lost`);
console.log(`  ${report.acknowledged} labels acknowledged, ${report.lostLabels} lost`);
console.log(`  ${report.failed} requests failed, ${(report.failed / report.kills).toFixed(2)} a kill`);
if (report.lostPredictions + report.lostLabels > 0) process.exitCode = 1;
