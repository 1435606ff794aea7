import type { ReactNode } from 'react';
import type { ModelView } from '../../../server/src/api.ts';
import { Term } from '../parts/term.tsx';
import { EventTime } from '../parts/when.tsx';
import {
  count,
  milliseconds,
  percent,
  plural,
  promiseValue,
  scoreBand,
  scoreValue,
} from '../words/numbers.ts';

/** The figures behind the sentence. */
export function Figures({ model }: { model: ModelView }) {
  const { traffic, recent, overall, promise } = model;
  const estimates = model.task === 'regression';
  const learns = model.versions.some((one) => one.version === model.live && one.learner !== null);
  const share = traffic.predictions > 0 ? traffic.labels / traffic.predictions : 0;
  return (
    <dl className="figures wide">
      <Figure
        name={<Term name={estimates ? 'mae' : 'score'}>{estimates ? 'off by, lately' : 'right lately'}</Term>}
      >
        <b>{scoreValue(recent)}</b>
        <span>
          {scoreBand(recent) ? `${scoreBand(recent)}, ${plural(recent.labelled, 'label')}` : 'no labels yet'}
        </span>
      </Figure>
      <Figure name="over all">
        <b>{scoreValue(overall)}</b>
        <span>{scoreBand(overall) ?? 'no labels yet'}</span>
      </Figure>
      <Figure name={<Term name="promise" />}>
        <b>{promiseValue(promise)}</b>
        <span>
          {promise
            ? `on ${plural(promise.rows, 'training row')}`
            : learns
              ? 'a learner makes none'
              : 'no labelled training rows'}
        </span>
      </Figure>
      <Figure name={<Term name="live" />}>
        <b>{model.live === null ? 'no version' : `version ${model.live}`}</b>
        <span>
          {model.previous === null ? 'nothing to return to' : `before it version ${model.previous}`}
        </span>
      </Figure>
      <Figure name="answered">
        <b>{count(traffic.predictions)}</b>
        <span>
          {model.watermark === null ? (
            'no rows yet'
          ) : (
            <>
              until <EventTime at={model.watermark} />
            </>
          )}
        </span>
      </Figure>
      <Figure name={<Term name="label">labelled</Term>}>
        <b>{traffic.predictions === 0 ? '–' : percent(share)}</b>
        <span>{labelNews(traffic)}</span>
      </Figure>
      <Figure name={<Term name="p99" />}>
        <b>{milliseconds(traffic.p99)}</b>
        <span>
          {traffic.p50 === null ? 'no requests lately' : `half within ${milliseconds(traffic.p50)}`}
        </span>
      </Figure>
    </dl>
  );
}

/** What became of labels that are no outcome, if there are any. */
function labelNews({ waiting, invalid, expired, predictions }: ModelView['traffic']): string {
  const news = [
    waiting ? `${plural(waiting, 'label')} without their row` : '',
    invalid ? `${count(invalid)} no class or value of its own` : '',
    expired ? `${count(expired)} let go after 7 days` : '',
  ].filter((one) => one !== '');
  if (news.length > 0) return news.join(', ');
  return predictions === 0 ? 'no answers yet' : 'of the answers';
}

function Figure({ name, children }: { name: ReactNode; children: ReactNode }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd className="small-span">{children}</dd>
    </div>
  );
}
