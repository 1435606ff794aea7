import { Link } from '@tanstack/react-router';
import { useState } from 'react';
import type { PredictionView } from '../../../server/src/api-predictions.ts';
import { StateMark } from '../parts/state-mark.tsx';
import { Term } from '../parts/term.tsx';
import { EventTime, When } from '../parts/when.tsx';
import { count, number, percent } from '../words/numbers.ts';
import { eventMinute } from '../words/times.ts';
import { Reproduction } from './reproduction.tsx';

type Answer = PredictionView['answers'][number];

/** One answered row: what it was given, what every version said, whether that was right. */
export function Prediction({ prediction, opened }: { prediction: PredictionView; opened: boolean }) {
  const [open, setOpen] = useState(opened);
  const live = prediction.answers.find((one) => one.role === 'live');
  return (
    <article className="prediction">
      <details open={open} onToggle={(event) => setOpen(event.currentTarget.open)}>
        <summary data-row>
          <Rightness answer={live} labelled={prediction.label !== null} />
          <span className="prediction-says">
            <b>{live ? said(live.prediction) : 'no answer'}</b>
            {live ? ` by version ${live.version}` : ''}
            {prediction.label ? `, was ${said(prediction.label.value)}` : ''}
          </span>
          <span className="small quiet prediction-names">
            {prediction.key ?? prediction.subject ?? prediction.id.slice(0, 13)}, {eventMinute(prediction.at)}
          </span>
        </summary>
        {open ? <Opened prediction={prediction} /> : null}
      </details>
    </article>
  );
}

/** A class as it is; a number short enough to read in a list. */
function said(value: Answer['prediction']): string {
  if (value === null) return 'no number';
  if (typeof value === 'object') return JSON.stringify(value);
  return typeof value === 'number' ? number(value, 5) : value;
}

function Opened({ prediction }: { prediction: PredictionView }) {
  return (
    <div className="beside">
      <div>
        <h3>Answers</h3>
        <ul className="answers">
          {prediction.answers.map((answer) => (
            <AnswerRow
              key={`${answer.version} ${answer.role}`}
              answer={answer}
              labelled={prediction.label !== null}
            />
          ))}
        </ul>
        <p className="small quiet">
          {prediction.label ? (
            <>
              <Term name="label" /> {String(prediction.label.value)}, <EventTime at={prediction.label.at} />
              {prediction.label.corrections ? `, corrected ${prediction.label.corrections} times` : ''}
            </>
          ) : (
            <>
              Its <Term name="label" /> has not come.
            </>
          )}
        </p>
        <Reproduction id={prediction.id} />
      </div>
      <div>
        <h3>What it was given</h3>
        <dl className="pairs">
          {Object.entries(prediction.features).map(([name, value]) => (
            <div key={name}>
              <dt>{name}</dt>
              <dd>{value === null ? <i>missing</i> : String(value)}</dd>
            </div>
          ))}
        </dl>
      </div>
      <p className="small quiet whole">
        <Link to="/journal" search={{ id: prediction.id }} className="mono">
          {prediction.id}
        </Link>
        , model{' '}
        <Link to="/models/$model" params={{ model: prediction.model }}>
          {prediction.model}
        </Link>
        {prediction.key ? (
          <>
            , <Term name="key" /> {prediction.key}
          </>
        ) : null}
        {prediction.subject ? (
          <>
            , <Term name="subject" /> {prediction.subject}
          </>
        ) : null}
        {prediction.trace ? (
          <>
            , <Term name="trace" /> <span className="mono">{prediction.trace}</span>
          </>
        ) : null}
        , received <When at={prediction.received} />, <Term name="snapshot" /> {prediction.snapshot},{' '}
        <Term name="arm" /> {prediction.arm}, <Term name="propensity" /> {number(prediction.propensity)}
        {prediction.rollout ? (
          <>
            , <Term name="rollout" /> {prediction.rollout}
          </>
        ) : null}
      </p>
    </div>
  );
}

function AnswerRow({ answer, labelled }: { answer: Answer; labelled: boolean }) {
  const sure = answer.probabilities?.[String(answer.prediction)];
  return (
    <li>
      <Rightness answer={answer} labelled={labelled} />
      <span>
        <b>
          {answer.failure ??
            (typeof answer.prediction === 'object' ? said(answer.prediction) : answer.prediction)}
        </b>
        {sure === undefined ? '' : `, ${percent(sure)} sure`}
        <span className="small quiet">
          {' '}
          version {answer.version}
          {answer.update ? `, update ${count(answer.update)}` : ''},{' '}
          {answer.role === 'live' ? 'live' : 'in shadow'}, {Math.round(answer.latencyMicroseconds)} µs
        </span>
      </span>
    </li>
  );
}

/** Right or wrong by shape and word. */
function Rightness({ answer, labelled }: { answer: Answer | undefined; labelled: boolean }) {
  if (answer?.failure)
    return (
      <span className="rightness">
        <StateMark level="look" wordless /> failed
      </span>
    );
  if (!answer || !labelled) return <span className="rightness quiet">no label yet</span>;
  if (answer.correct === null)
    return (
      <span className="rightness">{answer.loss === null ? 'labelled' : `off by ${number(answer.loss)}`}</span>
    );
  return (
    <span className="rightness">
      <StateMark level={answer.correct ? 'well' : 'look'} wordless /> {answer.correct ? 'right' : 'wrong'}
    </span>
  );
}
