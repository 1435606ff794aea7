import { useQuery } from '@tanstack/react-query';
import { getRouteApi } from '@tanstack/react-router';
import { accuracyQuery, modelQuery, timelineQuery } from '../data/queries.ts';
import { StateMark } from '../parts/state-mark.tsx';
import { Trouble, Waiting } from '../parts/waiting.tsx';
import { AccuracySection } from './accuracy.tsx';
import { DriftSection } from './drift.tsx';
import { Figures } from './figures.tsx';
import { Findings } from './findings.tsx';
import { RolloutSection } from './rollout.tsx';
import { stretch } from './stretch.ts';
import { Versions } from './versions.tsx';

const route = getRouteApi('/models/$model');

/** Is it still right? Who says so? What is it serving, and what is being tested? */
export function ModelPage() {
  const { model: name } = route.useParams();
  const search = route.useSearch();
  const { data: model, error } = useQuery(modelQuery(name));
  const { data: accuracy } = useQuery(accuracyQuery(name));
  const { data: entries = [] } = useQuery(timelineQuery(name, 200));
  if (!model) return error ? <Trouble error={error} /> : <Waiting>Asking Slipway …</Waiting>;
  const times = stretch(accuracy?.windows ?? [], model.watermark, search);
  return (
    <>
      <title>{`${name} · Slipway`}</title>
      <div className="model-head">
        <p className="small quiet">
          {model.model} · {taskWords[model.task] ?? model.task}
        </p>
        <h1>
          <StateMark level={model.health.level} wordless /> {model.health.sentence}
        </h1>
      </div>
      <Figures model={model} />
      <Findings model={model} />
      <AccuracySection model={model} windows={accuracy?.windows ?? []} entries={entries} times={times} />
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
};
