import { Select } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { getRouteApi } from '@tanstack/react-router';
import { useCallback } from 'react';
import type { DriftView, ModelView } from '../../../server/src/api.ts';
import { driftQuery } from '../data/queries.ts';
import { Picture, type Plotting } from '../parts/picture.tsx';
import { StateMark } from '../parts/state-mark.tsx';
import { Term } from '../parts/term.tsx';
import { Trouble, Waiting } from '../parts/waiting.tsx';
import { psiText } from '../words/numbers.ts';
import { cells, driftPicture } from './drift-picture.ts';
import type { Stretch } from './stretch.ts';
import { ThenAndNow } from './then-and-now.tsx';

const route = getRouteApi('/models/$model');

/** Which inputs moved, since when? */
export function DriftSection({ model, times }: { model: ModelView; times: Stretch | null }) {
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const version = search.version ?? model.live ?? model.versions.at(-1)?.version ?? 1;
  const { data: drift, error } = useQuery(driftQuery(model.model, version));
  return (
    <section className="section" aria-labelledby="drift">
      <header>
        <h2 id="drift">Have its inputs moved?</h2>
        <span className="small quiet grow">
          <Term name="psi">PSI</Term> of each window of event time against the{' '}
          <Term name="baseline">baseline</Term> of version {version}
        </span>
        {model.versions.length > 1 ? (
          <Select
            size="xs"
            aria-label="Whose baseline"
            allowDeselect={false}
            data={model.versions.map((one) => ({
              value: String(one.version),
              label: `version ${one.version}${one.version === model.live ? ', live' : ''}`,
            }))}
            value={String(version)}
            onChange={(value) =>
              navigate({
                search: (was) => ({ ...was, version: Number(value), window: undefined }),
                resetScroll: false,
              })
            }
          />
        ) : null}
      </header>
      {error ? <Trouble error={error} /> : null}
      {drift ? <Heat drift={drift} times={times} asked={model.traffic.predictions > 0} /> : null}
    </section>
  );
}

function Heat({ drift, times, asked }: { drift: DriftView; times: Stretch | null; asked: boolean }) {
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const open = useCallback(
    (feature: string, window: number | undefined) =>
      void navigate({
        search: (was) => ({ ...was, version: drift.version, feature, window }),
        resetScroll: false,
      }),
    [navigate, drift.version],
  );
  const make = useCallback(
    (plot: Plotting, width: number) => driftPicture(plot, width, drift, times, search),
    [drift, times, search],
  );
  const choose = useCallback(
    (index: number) => {
      const cell = cells(drift, times)[index];
      if (cell) open(cell.feature, cell.from);
    },
    [drift, times, open],
  );
  if (drift.features.length === 0 && !asked)
    return <Waiting>Nobody has asked it anything yet: this fills with rows, window by window.</Waiting>;
  if (drift.features.length === 0)
    return (
      <Waiting>
        Version {drift.version} came without training rows, so nothing can be compared. Deploy with{' '}
        <code>--baseline train.csv</code> to see which inputs move.
      </Waiting>
    );
  const chosen = drift.features.find((one) => one.feature === search.feature);
  const empty = drift.features.every((one) => one.windows.length === 0);
  return (
    <>
      {empty ? (
        <Waiting>The first window closes after about 500 rows and a whole day of event time.</Waiting>
      ) : (
        <Picture label={described(drift)} height={60} make={make} choose={choose} />
      )}
      <ul className="inputs" aria-label="Inputs">
        {drift.features.map((one) => (
          <li key={one.feature}>
            <button
              type="button"
              aria-pressed={one.feature === search.feature}
              onClick={() => open(one.feature, undefined)}
            >
              <StateMark level={one.level} wordless /> {one.feature}{' '}
              <span className="quiet">{one.psi === null ? '–' : psiText(one.psi)}</span>
            </button>
          </li>
        ))}
      </ul>
      {chosen ? <ThenAndNow feature={chosen} window={search.window} open={open} /> : null}
      <details>
        <summary>How this is computed, and what it cannot know</summary>
        <p className="small prose">{drift.explanation}</p>
      </details>
    </>
  );
}

function described(drift: DriftView): string {
  const moved = drift.features.filter((one) => one.level !== 'well').map((one) => one.feature);
  return `Drift of ${drift.features.length} inputs over event time. ${moved.length ? `Moved: ${moved.join(', ')}.` : 'None has moved.'}`;
}
