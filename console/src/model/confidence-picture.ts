import type { RolloutLook, RolloutView } from '../../../server/src/api.ts';
import type { Plotting } from '../parts/picture.tsx';
import { axes, timeAxis, versionHue } from '../parts/picture-look.ts';
import { plural } from '../words/numbers.ts';
import type { Stretch } from './stretch.ts';

/** So that words over a band stay readable. */
const halo = { stroke: 'var(--ground)', strokeWidth: 5 };

/** The confidence sequence against zero and the margin. The first looks are wider than the picture: they say nothing yet. */
export function confidencePicture(
  plot: Plotting,
  width: number,
  rollout: RolloutView,
  times: Stretch | null,
): Element {
  const { looks, rule, candidate, live } = rollout;
  const from = times?.from ?? looks[0]!.at;
  const to = Math.max(times?.to ?? looks.at(-1)!.at, from + 1);
  const settled = looks.slice(Math.floor(looks.length / 8));
  const reach =
    Math.max(0.005, rule.margin * 1.3, ...settled.flatMap((one) => [Math.abs(one.low), Math.abs(one.high)])) *
    1.15;
  const points = (value: number) =>
    `${value > 0 ? '+' : value < 0 ? '−' : ''}${Math.abs(Math.round(value * 1000) / 10)}`;
  return plot.plot({
    ...axes(width, 250),
    marginRight: 16,
    x: timeAxis(from, to, width < 500 ? 3 : 5),
    y: { domain: [-reach, reach], label: null, ticks: 5, grid: true, tickFormat: points },
    marks: [
      plot.areaY(looks, {
        x: 'at',
        y1: 'low',
        y2: 'high',
        fill: versionHue(candidate),
        fillOpacity: 0.2,
        clip: true,
      }),
      plot.lineY(looks, {
        x: 'at',
        y: 'difference',
        stroke: versionHue(candidate),
        strokeWidth: 2,
        clip: true,
      }),
      plot.ruleY([0], { stroke: 'currentColor', strokeWidth: 1.4 }),
      rule.margin > 0
        ? plot.ruleY([rule.margin, -rule.margin], { stroke: 'currentColor', strokeDasharray: '3 3' })
        : null,
      plot.text([`points, version ${candidate} better ↑`], {
        frameAnchor: 'top-left',
        dx: 6,
        dy: 4,
        fill: versionHue(candidate),
        ...halo,
      }),
      plot.text([`version ${live} better ↓`], {
        frameAnchor: 'bottom-left',
        dx: 6,
        dy: -4,
        fill: versionHue(live),
        ...halo,
      }),
      plot.tip(
        looks,
        plot.pointerX({
          x: 'at',
          y: 'difference',
          title: (one: RolloutLook) =>
            `${points(one.difference)} points\n${points(one.low)} to ${points(one.high)}\n${plural(one.pairs, 'pair')}`,
          fill: 'var(--raised)',
          lineHeight: 1.35,
        }),
      ),
    ],
  });
}
