import type { AccuracyWindow, ModelView, TimelineEntry } from '../../../server/src/api.ts';
import type { Plotting } from '../parts/picture.tsx';
import { axes, sides, timeAxis, versionHue } from '../parts/picture-look.ts';
import { plural, scoreBand, scoreValue } from '../words/numbers.ts';
import { eventDate } from '../words/times.ts';
import type { Stretch } from './stretch.ts';

interface Facts {
  model: ModelView;
  windows: AccuracyWindow[];
  entries: TimelineEntry[];
  times: Stretch;
}

/** Versions as lines with bands, what was served thick, events as marks on the same axis. */
export function accuracyPicture(plot: Plotting, width: number, facts: Facts): Element {
  const { model, windows, entries, times } = facts;
  const mae = model.recent.metric === 'mae';
  const middle = (one: AccuracyWindow) =>
    (Math.max(one.from, times.first) + Math.min(one.to, times.last)) / 2;
  const seen = windows.filter((one) => one.to >= times.from && one.from <= times.to);
  const own = seen.filter((one) => one.role === 'version');
  const served = runs(seen.filter((one) => one.role === 'served'));
  const ends = [...new Map(own.map((one) => [one.version, one])).values()];
  const events = entries.filter(
    (one) => one.eventTime !== null && one.eventTime >= times.from && one.eventTime <= times.to,
  );
  const turns = events.filter((one) => ['promote', 'roll back', 'restore', 'rollback'].includes(one.kind));
  const promised = model.versions.filter(
    (one) => one.promise && ends.some((end) => end.version === one.version),
  );
  const values = [
    ...seen.flatMap((one) => [one.score.low ?? one.score.value!, one.score.high ?? one.score.value!]),
    ...promised.map((one) => one.promise!.value),
  ];
  // Nothing in sight: the axis of the metric, and words.
  const low = values.length > 0 ? Math.min(...values) : 0;
  const high = values.length > 0 ? Math.max(...values) : 1;
  const top = high + (high - low) * 0.1 || high + 0.01;
  const right = apart(
    ends.map((one) => one.score.value!),
    (top - low) / 16,
  );
  const narrow = sides(width).marginRight < 40;
  const hue = (one: { version: number }) => versionHue(one.version);
  return plot.plot({
    ...axes(width, 320),
    ...sides(width),
    marginTop: 26,
    x: timeAxis(times.from, times.to, narrow ? 4 : 8),
    y: {
      domain: [low, top],
      label: null,
      grid: true,
      ticks: 5,
      ...(mae ? {} : { tickFormat: (value: number) => `${Math.round(value * 100)} %` }),
    },
    marks: [
      plot.text(seen.length > 0 ? [] : ['No label has come for a row of this time.'], {
        frameAnchor: 'middle',
        fill: 'var(--quiet)',
      }),
      plot.areaY(own, {
        x: middle,
        y1: (one) => one.score.low,
        y2: (one) => one.score.high,
        z: 'version',
        fill: hue,
        fillOpacity: 0.13,
        curve: 'monotone-x',
        clip: true,
      }),
      plot.ruleX(turns, {
        x: 'eventTime',
        stroke: 'currentColor',
        strokeOpacity: 0.55,
        strokeDasharray: '3 3',
      }),
      plot.lineY(own, {
        x: middle,
        y: (one) => one.score.value,
        z: 'version',
        stroke: hue,
        strokeWidth: 1.4,
        curve: 'monotone-x',
        clip: true,
      }),
      plot.lineY(served, {
        x: middle,
        y: (one) => one.score.value,
        z: 'run',
        stroke: hue,
        strokeWidth: 3.6,
        curve: 'monotone-x',
        clip: true,
      }),
      // A window stands for itself: a lone one has no line.
      plot.dot(own, { x: middle, y: (one) => one.score.value, fill: hue, r: 1.7, clip: true }),
      plot.ruleY(promised, {
        y: (one) => one.promise!.value,
        stroke: hue,
        strokeDasharray: '1 4',
        strokeLinecap: 'round',
        strokeWidth: 2,
      }),
      plot.text(promised, {
        x: times.to,
        y: (one) => one.promise!.value,
        text: (one) => `promise of version ${one.version}`,
        textAnchor: 'end',
        dy: -8,
        dx: -4,
        stroke: 'var(--ground)',
        strokeWidth: 4,
        fill: hue,
      }),
      plot.text(ends, {
        x: narrow ? middle : times.to,
        y: (_, i) => right[i]!,
        text: (one) => `version ${one.version}`,
        textAnchor: narrow ? 'end' : 'start',
        dx: narrow ? 0 : 8,
        dy: narrow ? -10 : 0,
        fontWeight: 600,
        stroke: 'var(--ground)',
        strokeWidth: 4,
        fill: hue,
      }),
      plot.text(turns, {
        x: 'eventTime',
        text: (one) => (one.version === null ? one.kind : `version ${one.version} live`),
        frameAnchor: 'top',
        textAnchor: 'middle',
        dy: -24,
      }),
      plot.dot(events, {
        x: 'eventTime',
        symbol: (one: TimelineEntry) => symbols[one.level],
        stroke: (one) => `var(--${one.level})`,
        fill: (one) => (one.level === 'well' ? 'var(--ground)' : `var(--${one.level})`),
        strokeWidth: 1.5,
        r: 4.5,
        frameAnchor: 'top',
        dy: -4,
        title: (one) => one.message,
        tip: { lineWidth: 34, lineHeight: 1.35, fill: 'var(--raised)', anchor: 'top' },
      }),
      plot.tip(
        own,
        plot.pointerX({
          x: middle,
          y: (one) => one.score.value,
          title: (one) =>
            `version ${one.version}\n${eventDate(one.from)} to ${eventDate(one.to)}\n${said(one)}, ${plural(one.score.labelled, 'label')}`,
          fill: 'var(--raised)',
          lineHeight: 1.35,
          maxRadius: 24,
        }),
      ),
    ],
  });
}

const symbols = { well: 'circle', look: 'triangle', act: 'diamond' } as const;

function said({ score }: AccuracyWindow): string {
  const value = score.metric === 'mae' ? `off by ${scoreValue(score)}` : `${scoreValue(score)} right`;
  return `${value} (${scoreBand(score)})`;
}

/** Marks unbroken runs of one version, so that a line is not drawn across the time another one served. */
function runs(windows: AccuracyWindow[]): (AccuracyWindow & { run: number })[] {
  let run = 0;
  return windows.map((one, i) => {
    if (i > 0 && windows[i - 1]!.version !== one.version) run++;
    return { ...one, run };
  });
}

/** Moves labels apart that would lie over each other, in their order. */
function apart(values: number[], gap: number): number[] {
  const moved = [...values];
  const order = values.map((_, i) => i).sort((a, b) => values[a]! - values[b]!);
  for (let i = 1; i < order.length; i++)
    moved[order[i]!] = Math.max(moved[order[i]!]!, moved[order[i - 1]!]! + gap);
  return moved;
}
