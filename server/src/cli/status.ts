import { Command } from 'commander';
import type { StatusView } from '../api.ts';
import { type RemoteOptions, remoteOf, withRemote } from './options.ts';
import { paint, percent, say, sayJson, table } from './output.ts';
import { ask } from './remote.ts';

const marks = { well: ['green', '●'], look: ['yellow', '▲'], act: ['red', '■'] } as const;

/** Of more models than that, only those are told of one by one with which something is. */
const mostTold = 20;

/** Of what a version in trouble printed last. */
const printedLines = 5;

export const status = withRemote(
  new Command('status').description('how every model and every process is').addHelpText(
    'after',
    `
Examples:
  $ slipway status
  $ slipway status --json | jq -e 'all(.models[]; .health.level == "well")'

well: nothing to do; look: worth a look; act: something is wrong, and the
sentence says what.`,
  ),
).action(async (options: RemoteOptions) => {
  const view = await ask<StatusView>(remoteOf(options), 'GET', '/api/status');
  if (options.json) {
    sayJson(view);
    return;
  }
  if (view.models.length === 0) say('No model yet. Deploy one: slipway deploy NAME FILE');
  const told = view.models.filter(
    ({ health, findings }) =>
      view.models.length <= mostTold || health.level !== 'well' || findings.length > 0,
  );
  for (const { model, health, findings } of told) {
    const [colour, mark] = marks[health.level];
    say(`${paint(colour, `${mark} ${health.level}`)}  ${paint('bold', model)}  ${health.sentence}`);
    for (const { level, message, hint, evidence } of findings.slice(0, 5)) {
      say(`        ${level}: ${message}`);
      if (evidence.printed === undefined) continue;
      say(`        ${hint}`);
      const printed = String(evidence.printed).split('\n').slice(-printedLines);
      for (const line of printed) say(paint('dim', `        | ${line}`));
    }
  }
  const others = view.models.length - told.length;
  if (others > 0) say(`${paint('green', '● well')}  ${others} models`);
  if (view.models.length > 0) {
    const rows = view.models.map((one) => [
      one.model,
      one.live === null ? '–' : String(one.live),
      String(one.traffic.predictions),
      String(one.traffic.labels),
      one.overall.metric === 'accuracy'
        ? percent(one.overall.value)
        : (one.overall.value?.toPrecision(3) ?? '–'),
      one.traffic.p99 === null ? '–' : `${one.traffic.p99.toFixed(2)} ms`,
    ]);
    say(`\n${table(['model', 'live', 'predictions', 'labels', 'right', 'p99'], rows)}`);
  }
  for (const { model, traffic } of view.models) {
    if (traffic.invalid > 0)
      say(
        `${paint('yellow', '▲ look')}  ${model}: ${traffic.invalid} labels so far are no class or value of its own.`,
      );
    if (traffic.expired > 0)
      say(
        `${paint('yellow', '▲ look')}  ${model}: ${traffic.expired} labels so far waited for 7 days for a prediction that did not come.`,
      );
  }
  for (const { lane, pressed, refused } of view.lanes) {
    if (!pressed) continue;
    say(
      `${paint('yellow', '▲ look')}  lane-${lane} has more to do than it can: it answers what it can in time, and has refused ${refused.unread} so far.`,
    );
  }
  const processes = view.processes.map((one) => [
    one.name,
    one.scores ? `version ${one.scores.version} of ${one.scores.model}` : '',
    one.state,
    one.pid === 0 ? '–' : String(one.pid),
    one.pid === 0 ? '–' : `${one.megabytes.toFixed(0)} MB`,
    String(one.restarts),
  ]);
  say(`\n${table(['process', 'for', 'state', 'pid', 'memory', 'restarts'], processes)}`);
  say(
    `\nConsole ${view.control}   data plane ${view.dataPlane}   gRPC ${view.grpc}   data ${view.dataFolder}`,
  );
});
