import { Button, Select } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { getRouteApi } from '@tanstack/react-router';
import { useCallback, useMemo, useState } from 'react';
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
          <Term name="baseline">baseline</Term> of version {version}: the stronger, the further
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
      {drift ? (
        <Heat drift={drift} times={times} asked={model.traffic.predictions > 0} />
      ) : error ? null : (
        <Waiting>Asking Slipway …</Waiting>
      )}
    </section>
  );
}

/** So many inputs are shown in their own order; of more, those that moved furthest. */
const few = 12;
const urgency = { act: 0, look: 1, well: 2 };

function furthest(features: DriftView['features']): DriftView['features'] {
  return [...features]
    .sort((a, b) => urgency[a.level] - urgency[b.level] || (b.psi ?? -1) - (a.psi ?? -1))
    .slice(0, few);
}

function Heat({ drift: all, times, asked }: { drift: DriftView; times: Stretch | null; asked: boolean }) {
  const [whole, setWhole] = useState(false);
  const drift = useMemo(
    () => (whole || all.features.length <= few ? all : { ...all, features: furthest(all.features) }),
    [all, whole],
  );
  const { feature, window } = route.useSearch();
  const navigate = route.useNavigate();
  const open = useCallback(
    (moved: string, from: number | undefined) =>
      void navigate({
        search: (was) => ({ ...was, version: drift.version, feature: moved, window: from }),
        resetScroll: false,
      }),
    [navigate, drift.version],
  );
  const make = useCallback(
    (plot: Plotting, width: number) => driftPicture(plot, width, drift, times, { feature, window }),
    [drift, times, feature, window],
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
  const chosen = all.features.find((one) => one.feature === feature);
  const empty = drift.features.every((one) => one.windows.length === 0);
  return (
    <>
      {empty ? (
        <Waiting>The first window closes after about 500 rows and a whole day of event time.</Waiting>
      ) : (
        <Picture
          label={described(all)}
          height={drift.features.length * 26 + 40}
          make={make}
          choose={choose}
        />
      )}
      <ul className="inputs" aria-label="Inputs">
        {drift.features.map((one) => (
          <li key={one.feature}>
            <button
              type="button"
              aria-pressed={one.feature === feature}
              onClick={() => open(one.feature, undefined)}
            >
              <StateMark level={one.level} wordless /> {one.feature}{' '}
              <span className="quiet">{one.psi === null ? '–' : psiText(one.psi)}</span>
            </button>
          </li>
        ))}
      </ul>
      {all.features.length > few ? (
        <Button size="xs" variant="default" onClick={() => setWhole(!whole)}>
          {whole ? `Only the ${few} that moved furthest` : `All ${all.features.length} inputs`}
        </Button>
      ) : null}
      {chosen ? <ThenAndNow feature={chosen} window={window} open={open} /> : null}
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
