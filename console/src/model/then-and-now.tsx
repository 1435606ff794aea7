import { Button, Group } from '@mantine/core';
import { useCallback } from 'react';
import type { DriftFeature } from '../../../server/src/api.ts';
import { Picture, type Plotting } from '../parts/picture.tsx';
import { axes } from '../parts/picture-look.ts';
import { Term } from '../parts/term.tsx';
import { EventTime } from '../parts/when.tsx';
import { number, plural, psiText } from '../words/numbers.ts';

interface Props {
  feature: DriftFeature;
  window: number | undefined;
  open: (feature: string, window: number) => void;
}

/** One input, one window: its distribution in training and then. */
export function ThenAndNow({ feature, window, open }: Props) {
  const { windows, baseline } = feature;
  const wanted = windows.findIndex((one) => one.from === window);
  const index = wanted === -1 ? windows.length - 1 : wanted;
  const now = windows[index];
  const make = useCallback(
    (plot: Plotting, width: number) => {
      const rows = Math.max(1, now?.rows ?? 1);
      const bars = baseline.bins.flatMap((bin, i) => [
        { bin, when: 'training', share: baseline.shares[i] ?? 0 },
        { bin, when: 'now', share: (now?.counts[i] ?? 0) / rows },
      ]);
      return plot.plot({
        ...axes(width, baseline.bins.length * 30 + 34),
        marginLeft: Math.min(width * 0.45, Math.max(...baseline.bins.map((one) => one.length)) * 6.6 + 14),
        marginRight: 48,
        marginTop: 4,
        x: {
          label: null,
          grid: true,
          ticks: 4,
          tickFormat: (value: number) => `${Math.round(value * 100)} %`,
        },
        y: { domain: baseline.bins, label: null, tickSize: 0, padding: 0.18 },
        marks: [
          plot.barX(
            bars.filter((one) => one.when === 'training'),
            { x: 'share', y: 'bin', fill: 'currentColor', fillOpacity: 0.28, insetBottom: 12 },
          ),
          plot.barX(
            bars.filter((one) => one.when === 'now'),
            { x: 'share', y: 'bin', fill: 'var(--accent)', insetTop: 13 },
          ),
          plot.ruleX([0], { stroke: 'currentColor' }),
        ],
      });
    },
    [baseline, now],
  );
  if (!now) return <p className="quiet">No window of {feature.feature} has closed yet.</p>;
  return (
    <div className="beside then">
      <div className="says">
        <h3>{feature.feature}, then and now</h3>
        <p>
          From <EventTime at={now.from} /> to <EventTime at={now.to} />, {plural(now.rows, 'row')}:{' '}
          <Term name="psi">PSI</Term> {now.psi === null ? 'unknown' : psiText(now.psi)}
          {now.pValue === null ? null : (
            <>
              , <Term name="pValue">p</Term> {now.pValue < 0.0001 ? 'below 0.0001' : number(now.pValue, 2)}
            </>
          )}
          .
        </p>
        {baseline.constant !== null ? <p>In training it was always {number(baseline.constant, 4)}.</p> : null}
        <p className="small quiet">
          {plural(now.missing, 'missing value')}, {plural(now.outOfRange, 'value')} outside the range of
          training.
        </p>
        <p className="small">
          <span className="swatch then-swatch" /> training <span className="swatch now-swatch" /> this window
        </p>
        <Group gap="xs">
          <Button
            size="xs"
            variant="default"
            disabled={index <= 0}
            onClick={() => open(feature.feature, windows[index - 1]!.from)}
          >
            Earlier window
          </Button>
          <Button
            size="xs"
            variant="default"
            disabled={index >= windows.length - 1}
            onClick={() => open(feature.feature, windows[index + 1]!.from)}
          >
            Later window
          </Button>
        </Group>
      </div>
      <Picture
        label={`Shares of ${feature.feature} per bin, in training and in this window`}
        height={baseline.bins.length * 30 + 34}
        make={make}
      />
    </div>
  );
}
