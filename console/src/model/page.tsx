import { useQuery } from '@tanstack/react-query';
import { getRouteApi, useLocation } from '@tanstack/react-router';
import { useEffect, useMemo } from 'react';
import type { TimelineEntry } from '../../../server/src/api.ts';
import { accuracyQuery, modelQuery, timelineQuery } from '../data/queries.ts';
import { StateMark } from '../parts/state-mark.tsx';
import { TroublePage, Waiting } from '../parts/waiting.tsx';
import { AccuracySection } from './accuracy.tsx';
import { DriftSection } from './drift.tsx';
import { Figures } from './figures.tsx';
import { Findings } from './findings.tsx';
import { RolloutSection } from './rollout.tsx';
import { stretch } from './stretch.ts';
import { Versions } from './versions.tsx';

const route = getRouteApi('/models/$model');
const none: TimelineEntry[] = [];

/** Is it still right? Who says so? What is it serving, and what is being tested? */
export function ModelPage() {
  const { model: name } = route.useParams();
  const search = route.useSearch();
  const { data: model, error } = useQuery(modelQuery(name));
  const { from, to } = search;
  const { data: accuracy } = useQuery(accuracyQuery(name, from, to));
  const { data: entries } = useQuery(timelineQuery(name, 200));
  const { hash } = useLocation();
  const here = model !== undefined;
  const { first = null, watermark = null } = model ?? {};
  // The same object while it says the same: pictures are drawn again when it changes.
  const times = useMemo(() => stretch({ first, watermark }, { from, to }), [first, watermark, from, to]);
  // A link to a part of the page: the part comes after the router has looked for it.
  useEffect(() => {
    if (here && hash) document.getElementById(hash)?.scrollIntoView();
  }, [here, hash]);
  if (!model) return error ? <TroublePage error={error} /> : <Waiting>Asking Slipway …</Waiting>;
  return (
    <>
      <title>{`${name} · Slipway`}</title>
      <div className="model-head">
        <p className="quiet">
          <b className="name">{model.model}</b> {taskWords[model.task] ?? model.task}
        </p>
        <h1>
          <StateMark level={model.health.level} wordless /> {model.health.sentence}
        </h1>
      </div>
      <Figures model={model} />
      <Findings model={model} />
      <AccuracySection model={model} windows={accuracy?.windows} entries={entries ?? none} times={times} />
      <RolloutSection model={model} times={times} />
      <DriftSection model={model} times={times} />
      <Versions model={model} />
    </>
  );
}

const taskWords: Record<string, string> = {
  binary: 'tells two classes apart',
  multiclass: 'tells several classes apart',
  regression: 'estimates a number',
  ranking: 'ranks',
  other: 'answers what labels are not held against',
};
