import type { DriftView } from '../../../server/src/api.ts';
import type { Plotting } from '../parts/picture.tsx';
import { axes, sides, timeAxis } from '../parts/picture-look.ts';
import { shortNames } from '../words/names.ts';
import { plural, psiText } from '../words/numbers.ts';
import { eventDate } from '../words/times.ts';
import type { Stretch } from './stretch.ts';

/** The windows in sight, feature by feature: what a click's index means. */
export function cells(drift: DriftView, times: Stretch | null) {
  return drift.features.flatMap((one) =>
    one.windows
      .filter((window) => !times || (window.to > times.from && window.from < times.to))
      .map((window) => ({ feature: one.feature, ...window })),
  );
}

/** Features × time. Strength by lightness alone, in five steps, so that it reads without colour. */
export function driftPicture(
  plot: Plotting,
  width: number,
  drift: DriftView,
  times: Stretch | null,
  chosen: { feature?: string | undefined; window?: number | undefined },
): Element {
  const shown = cells(drift, times);
  const features = drift.features.map((one) => one.feature);
  const from = times?.from ?? Math.min(...shown.map((one) => one.from));
  const to = times?.to ?? Math.max(...shown.map((one) => one.to));
  const begun = Math.min(to, ...shown.map((one) => one.from));
  const row = 26;
  const room = sides(width);
  const narrow = room.marginLeft < 100;
  const left = narrow ? width * 0.34 : room.marginLeft;
  const names = shortNames(features, Math.floor((left - 10) / 7.4));
  const before = (width - left) * ((begun - from) / (to - from));
  const clipped = shown.map((one) => ({
    ...one,
    from: Math.max(one.from, from),
    to: Math.min(one.to, to),
    begin: one.from,
  }));
  return plot.plot({
    ...axes(width, features.length * row + 40),
    ...room,
    marginLeft: left,
    marginTop: 4,
    x: timeAxis(from, to, narrow ? 3 : 8),
    y: {
      domain: features,
      label: null,
      tickSize: 0,
      padding: 0.12,
      tickFormat: (name: string) => names.get(name)!,
    },
    color: { type: 'identity' },
    marks: [
      before > 140
        ? plot.text([`version ${drift.version} had no windows of its own yet`], {
            x: (from + begun) / 2,
            y: () => features[Math.floor(features.length / 2)]!,
            lineWidth: before / 16,
            fill: 'var(--quiet)',
          })
        : null,
      plot.barX(clipped, {
        x1: 'from',
        x2: 'to',
        y: 'feature',
        fill: (one) => `var(--drift-${step(one.psi)})`,
        insetLeft: 0.5,
        insetRight: 0.5,
        className: 'choose',
        title: (one) =>
          `${one.feature}, ${eventDate(one.begin)}\nPSI ${one.psi === null ? 'unknown' : psiText(one.psi)}, ${plural(one.rows, 'row')}`,
        tip: { fill: 'var(--raised)', lineHeight: 1.35 },
      }),
      plot.barX(
        clipped.filter((one) => one.feature === chosen.feature && one.begin === chosen.window),
        {
          x1: 'from',
          x2: 'to',
          y: 'feature',
          fill: 'none',
          stroke: 'currentColor',
          strokeWidth: 2,
          pointerEvents: 'none',
        },
      ),
    ],
  });
}

const steps = [0.1, 0.25, 1, 4];

function step(psi: number | null): number {
  return psi === null ? 0 : steps.filter((least) => psi >= least).length;
}
