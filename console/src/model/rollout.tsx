import { Group } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useCallback } from 'react';
import type { ModelView, RolloutView } from '../../../server/src/api.ts';
import { rolloutsQuery, useChange } from '../data/queries.ts';
import { AskOnce } from '../parts/ask-once.tsx';
import { Picture, type Plotting } from '../parts/picture.tsx';
import { Term } from '../parts/term.tsx';
import { Trouble, Waiting } from '../parts/waiting.tsx';
import { When } from '../parts/when.tsx';
import { count, plural } from '../words/numbers.ts';
import { confidencePicture } from './confidence-picture.ts';
import type { Stretch } from './stretch.ts';

/** Is the candidate better, how sure is that, and what happens next? */
export function RolloutSection({ model, times }: { model: ModelView; times: Stretch | null }) {
  const { data: rollouts, error } = useQuery(rolloutsQuery(model.model));
  const rollout = model.rollout ?? rollouts?.at(0) ?? null;
  const asking = rollout === null && rollouts === undefined;
  return (
    <section className="section" aria-labelledby="rollout">
      <header>
        <h2 id="rollout">
          {rollout ? question(rollout) : asking ? 'What is being tested?' : 'Nothing is being tested'}
        </h2>
        {rollout ? (
          <span className="small quiet">
            <Term name="rollout">shadow rollout</Term> {rollout.id},{' '}
            {rollout.endedAt === null ? 'begun ' : 'ended '}
            <When at={rollout.endedAt ?? rollout.startedAt} />
          </span>
        ) : null}
      </header>
      {rollout ? (
        <Card model={model} rollout={rollout} times={times} />
      ) : error ? (
        <Trouble error={error} />
      ) : asking ? (
        <Waiting>Asking Slipway …</Waiting>
      ) : (
        <Waiting>
          Deploy a candidate with <code>npx slipway deploy {model.model} model.txt --as shadow</code>, or
          choose “test in shadow” beside a version below. Callers notice nothing.
        </Waiting>
      )}
    </section>
  );
}

function question({ candidate, live, state }: RolloutView): string {
  if (state === 'ended') return `Version ${candidate} was compared with version ${live}`;
  return `Is version ${candidate} better than version ${live}?`;
}

function Card({ model, rollout, times }: { model: ModelView; rollout: RolloutView; times: Stretch | null }) {
  const make = useCallback(
    (plot: Plotting, width: number) => confidencePicture(plot, width, rollout, times),
    [rollout, times],
  );
  const { rule, look } = rollout;
  return (
    <div className="beside">
      <div className="says">
        <p className="verdict">
          <Term name="verdict">Verdict</Term>: <b>{verdicts[rollout.verdict]}</b>
          {rollout.state === 'held' ? ' It is held: it will not decide by itself.' : ''}
        </p>
        {rollout.reasons.map((reason) => (
          <p key={reason}>{reason}</p>
        ))}
        {rollout.next ? (
          <p>
            <b>Next.</b> {rollout.next}
          </p>
        ) : null}
        <p className="small quiet">
          <Term name="pairs">{plural(look?.pairs ?? 0, 'labelled pair')}</Term>,{' '}
          {plural(rollout.unlabelled, 'row waits', 'rows wait')} for a label
          {rollout.skipped ? `, ${count(rollout.skipped)} the candidate was not asked` : ''}
          {rollout.unanswered ? `, ${count(rollout.unanswered)} it gave no answer to` : ''}. It decides after{' '}
          {plural(rule.leastPairs, 'pair')}, at α {rule.alpha}
          {rule.margin ? `, beyond a margin of ${rule.margin}` : ''}; loss: {rule.loss}.
        </p>
        <Actions model={model} rollout={rollout} />
      </div>
      <div>
        <p className="small quiet">
          <Term name="confidence">How much better, with its interval</Term> over event time. Above zero,
          version {rollout.candidate} is better.
        </p>
        {rollout.looks.length > 1 ? (
          <Picture label={described(rollout)} height={250} make={make} />
        ) : (
          <Waiting>This fills as labels come for rows that both versions were asked.</Waiting>
        )}
      </div>
    </div>
  );
}

const verdicts: Record<RolloutView['verdict'], string> = {
  continue: 'not decided, it goes on.',
  promote: 'promote.',
  hold: 'hold.',
  'roll back': 'roll back.',
  inconclusive: 'inconclusive: it could not be told apart.',
};

function described({ look, candidate, live }: RolloutView): string {
  if (!look) return 'No labelled pairs yet.';
  const points = (value: number) => (value * 100).toFixed(1);
  return `Difference in loss between version ${live} and version ${candidate}: ${points(look.difference)} points, interval ${points(look.low)} to ${points(look.high)}, after ${look.pairs} pairs.`;
}

function Actions({ model, rollout }: { model: ModelView; rollout: RolloutView }) {
  const change = useChange(model.model);
  const post =
    (path: string, body: unknown = {}) =>
    () =>
      change.mutateAsync({ path, body });
  const { candidate, id, state } = rollout;
  const running = state !== 'ended';
  return (
    <Group gap="xs">
      {running && candidate !== model.live && candidate !== model.previous ? (
        <AskOnce
          verb={`Promote version ${candidate}`}
          effect={`All callers will get version ${candidate}'s answers at once; version ${model.live} no longer answers them. You can roll back at any time.`}
          act={post('/promote', { version: candidate, reason: 'chosen in the console' })}
          quiet
        />
      ) : null}
      {state === 'running' ? (
        <AskOnce
          verb="Hold"
          effect="Nothing changes for callers. Both versions go on answering and being compared, but nothing is promoted by itself until you resume."
          act={post(`/rollouts/${id}/hold`)}
          quiet
        />
      ) : null}
      {state === 'held' ? (
        <AskOnce
          verb="Resume"
          effect={`Nothing changes for callers now. Once version ${candidate} is proven better, it is promoted by itself.`}
          act={post(`/rollouts/${id}/resume`)}
        />
      ) : null}
      {running ? (
        <AskOnce
          verb="Stop"
          effect={`Nothing changes for callers: version ${model.live} goes on. Version ${candidate} no longer answers in shadow and what was compared stays on record. You can begin a new rollout.`}
          act={post(`/rollouts/${id}/stop`)}
          quiet
        />
      ) : null}
      {model.previous !== null ? (
        <AskOnce
          verb={`Roll back to version ${model.previous}`}
          effect={`All callers will get version ${model.previous}'s answers at once instead of version ${model.live}'s. You can promote version ${model.live} again at any time.`}
          act={post('/rollback')}
          quiet
        />
      ) : null}
    </Group>
  );
}
