import { SegmentedControl } from '@mantine/core';
import { getRouteApi } from '@tanstack/react-router';
import { useCallback, useMemo } from 'react';
import type { AccuracyWindow, ModelView, TimelineEntry } from '../../../server/src/api.ts';
import { Picture, type Plotting } from '../parts/picture.tsx';
import { Term } from '../parts/term.tsx';
import { Waiting } from '../parts/waiting.tsx';
import { scoreValue } from '../words/numbers.ts';
import { eventDate } from '../words/times.ts';
import { accuracyPicture } from './accuracy-picture.ts';
import { begin, lengths, type Stretch } from './stretch.ts';

const route = getRouteApi('/models/$model');

interface Props {
  model: ModelView;
  /** Undefined until they have come. */
  windows: AccuracyWindow[] | undefined;
  entries: TimelineEntry[];
  times: Stretch | null;
}

/** How right each version was over event time, and what happened meanwhile. */
export function AccuracySection({ model, windows, entries, times }: Props) {
  const navigate = route.useNavigate();
  const scored = useMemo(() => (windows ?? []).filter((one) => one.score.value !== null), [windows]);
  const make = useCallback(
    (plot: Plotting, width: number) =>
      accuracyPicture(plot, width, { model, windows: scored, entries, times: times! }),
    [model, scored, entries, times],
  );
  const range = useCallback(
    (from: number | undefined, to: number | undefined) =>
      void navigate({ search: (was) => ({ ...was, from, to }), resetScroll: false }),
    [navigate],
  );
  const estimates = model.task === 'regression';
  const chosen = times
    ? (lengths.find(
        ([, days]) => (begin(times, days) ?? times.first) === times.from && times.to === times.last,
      )?.[0] ?? '')
    : '';
  return (
    <section className="section" aria-labelledby="accuracy">
      <header>
        <h2 id="accuracy">{estimates ? 'Is it still near?' : 'Is it still right?'}</h2>
        <span className="small quiet grow">
          <Term name={estimates ? 'mae' : 'score'}>{estimates ? 'Mean error' : 'Share right'}</Term> with its{' '}
          <Term name="band">95 % band</Term>, in <Term name="eventTime">event time</Term>. Thick: what callers
          got.
        </span>
        {times && scored.length > 0 ? (
          <SegmentedControl
            size="xs"
            aria-label="How much event time the pictures show"
            data={lengths.map(([name]) => name)}
            value={chosen}
            onChange={(name) => {
              const days = lengths.find(([one]) => one === name)?.[1] ?? null;
              range(begin(times, days), undefined);
            }}
          />
        ) : null}
      </header>
      {times && scored.length > 0 ? (
        <>
          <Picture label={described(scored)} height={330} make={make} range={range} />
          <p className={times.whole ? 'small quiet by-mouse' : 'small quiet'}>
            {times.whole
              ? 'Drag over the picture to look closer: every picture over event time follows.'
              : `${eventDate(times.from)} to ${eventDate(times.to)}.`}
          </p>
        </>
      ) : windows === undefined ? (
        <Picture label="Accuracy over event time, not here yet" height={330} />
      ) : (
        <Waiting>
          This fills when labels come: <code>POST /labels {'{"id": …, "label": …}'}</code> with the id of an
          answer, or its key.
        </Waiting>
      )}
    </section>
  );
}

/** The picture in words. Pure. */
function described(windows: AccuracyWindow[]): string {
  const versions = [...new Set(windows.map((one) => one.version))].sort((a, b) => a - b);
  const said = versions.map((version) => {
    const own = windows.filter((one) => one.role === 'version' && one.version === version);
    const first = own[0]?.score.value;
    const last = own.at(-1)?.score.value;
    if (first === undefined || first === null || last === undefined || last === null)
      return `version ${version}`;
    return `version ${version} from ${scoreValue(own[0]!.score)} to ${scoreValue(own.at(-1)!.score)}`;
  });
  return `Accuracy over event time: ${said.join('; ')}.`;
}
