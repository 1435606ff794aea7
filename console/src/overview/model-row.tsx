import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import type { ModelView } from '../../../server/src/api.ts';
import { driftQuery } from '../data/queries.ts';
import { Sparkline } from '../parts/sparkline.tsx';
import { StateMark } from '../parts/state-mark.tsx';
import { Term } from '../parts/term.tsx';
import { count, milliseconds, plural, scoreBand, scoreValue } from '../words/numbers.ts';

/** A model in one row: its sentence first, then the figures behind it. */
export function ModelRow({ model }: { model: ModelView }) {
  const { traffic, rollout } = model;
  return (
    <article className="model-row">
      <div className="model-says">
        <h2>
          <StateMark level={model.health.level} />{' '}
          <Link to="/models/$model" params={{ model: model.model }} data-row>
            {model.model}
          </Link>
        </h2>
        <p>{model.health.sentence}</p>
      </div>
      {traffic.predictions > 0 || rollout ? <Evidence model={model} /> : null}
    </article>
  );
}

function Evidence({ model }: { model: ModelView }) {
  const { traffic, recent, rollout } = model;
  const estimates = model.task === 'regression';
  return (
    <dl className="figures">
      <Figure name="answered">
        <Sparkline
          values={traffic.spark}
          label={`${plural(traffic.predictions, 'row')} answered, over event time`}
        />
        <span className="small quiet">
          {plural(traffic.predictions, 'row')}
          {traffic.requestsPerSecond >= 0.5 ? `, ${count(traffic.requestsPerSecond)} a second` : ''}
        </span>
      </Figure>
      <Figure
        name={<Term name={estimates ? 'mae' : 'score'}>{estimates ? 'off by, lately' : 'right lately'}</Term>}
      >
        <b>{scoreValue(recent)}</b>
        <span className="small quiet">{scoreBand(recent) ?? 'no labels yet'}</span>
      </Figure>
      <Drift model={model} />
      <Figure name={<Term name="p99" />}>
        <b>{milliseconds(traffic.p99)}</b>
        <span className="small quiet">
          {traffic.errors
            ? plural(traffic.errors, 'error')
            : traffic.p99 === null
              ? 'none lately'
              : 'no errors'}
          {traffic.imputed > 0 && `, ${plural(traffic.imputed, 'value')} imputed`}
        </span>
      </Figure>
      <Figure name={<Term name="rollout">tested</Term>}>
        {rollout && rollout.state !== 'ended' ? (
          <>
            <b>version {rollout.candidate}</b>
            <span className="small quiet">
              {rollout.state === 'held' ? 'held' : rollout.verdict},{' '}
              {plural(rollout.look?.pairs ?? 0, 'pair')}
            </span>
          </>
        ) : (
          <>
            <b>nothing</b>
            <span className="small quiet">version {model.live ?? '–'} alone</span>
          </>
        )}
      </Figure>
    </dl>
  );
}

function Figure({ name, children }: { name: ReactNode; children: ReactNode }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

/** How many inputs of the live version lie away from its baseline now, whether or not that has harmed. */
function Drift({ model }: { model: ModelView }) {
  const { data } = useQuery({ ...driftQuery(model.model, model.live ?? 0), enabled: model.live !== null });
  const features = data?.features ?? [];
  const moved = features.filter((one) => one.level !== 'well').length;
  const measured = features.some((one) => one.psi !== null);
  return (
    <Figure name={<Term name="drift" />}>
      <b>{measured ? plural(moved, 'input') : '–'}</b>
      <span className="small quiet">
        {measured
          ? `moved, of ${features.length}`
          : features.length > 0 || model.traffic.predictions === 0
            ? 'no window yet'
            : 'no baseline'}
      </span>
    </Figure>
  );
}
