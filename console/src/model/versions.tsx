import { Group } from '@mantine/core';
import { getRouteApi } from '@tanstack/react-router';
import type { ModelView, VersionView } from '../../../server/src/api.ts';
import { useChange } from '../data/queries.ts';
import { AskOnce } from '../parts/ask-once.tsx';
import { Term } from '../parts/term.tsx';
import { When } from '../parts/when.tsx';
import { number, plural, promiseValue, scoreBand, scoreValue } from '../words/numbers.ts';
import { VersionDetails } from './version-details.tsx';

const route = getRouteApi('/models/$model');

/** Every version as a row with its story; the newest first. */
export function Versions({ model }: { model: ModelView }) {
  const newest = [...model.versions].sort((a, b) => b.version - a.version);
  return (
    <section className="section" aria-labelledby="versions">
      <header>
        <h2 id="versions">
          <Term name="version">Versions</Term>
        </h2>
      </header>
      {newest.map((version) => (
        <Row key={version.version} model={model} version={version} />
      ))}
    </section>
  );
}

function Row({ model, version }: { model: ModelView; version: VersionView }) {
  const { open } = route.useSearch();
  const navigate = route.useNavigate();
  const { promise, score } = version;
  const failed = version.gates.filter((gate) => !gate.passed).length;
  return (
    <article className="version">
      <div className="version-head">
        <h3>
          Version {version.version}{' '}
          <span className={`state-word ${version.state}`}>{states[version.state]}</span>
        </h3>
        <dl className="figures">
          <Fact name="kind" value={version.kind} />
          <Fact
            name={
              <Term name={version.task === 'regression' ? 'mae' : 'score'}>
                {version.task === 'regression' ? 'off by' : 'right'}
              </Term>
            }
            value={scoreValue(score)}
            note={scoreBand(score) ?? 'no labels'}
          />
          <Fact name={<Term name="promise" />} value={promiseValue(promise)} />
          <Fact name="a row takes" value={`${number(version.microseconds, 2)} µs`} />
          <Fact
            name={<Term name="gate">gates</Term>}
            value={failed ? `${failed} failed` : 'all passed'}
            note={plural(version.gates.length, 'gate')}
          />
          <Fact
            name="deployed"
            value={<When at={version.provenance.at} />}
            note={`by ${version.provenance.by}`}
          />
        </dl>
        <Actions model={model} version={version} />
      </div>
      <details
        open={open === version.version}
        onToggle={(event) => {
          const now = event.currentTarget.open;
          if (now !== (open === version.version))
            void navigate({
              search: (was) => ({ ...was, open: now ? version.version : undefined }),
              resetScroll: false,
              replace: true,
            });
        }}
      >
        <summary>gates, origin, facts{version.learner ? ', checkpoints' : ''}</summary>
        <VersionDetails model={model} version={version} />
      </details>
    </article>
  );
}

const states: Record<VersionView['state'], string> = {
  live: 'is live',
  shadow: 'answers in shadow',
  idle: 'waits',
  quarantined: 'is quarantined',
};

function Fact({ name, value, note }: { name: React.ReactNode; value: React.ReactNode; note?: string }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>
        <b>{value}</b>
        {note ? <span className="small quiet">{note}</span> : null}
      </dd>
    </div>
  );
}

function Actions({ model, version }: { model: ModelView; version: VersionView }) {
  const change = useChange(model.model);
  const number = version.version;
  if (version.state === 'live' || version.state === 'quarantined') return null;
  const testing = model.rollout !== null && model.rollout.state !== 'ended';
  return (
    <Group gap="xs">
      {number === model.previous ? (
        <AskOnce
          verb="Roll back"
          label={`Roll back to version ${number}`}
          effect={`All callers will get version ${number}'s answers at once instead of version ${model.live}'s. You can promote version ${model.live} again at any time.`}
          act={() => change.mutateAsync({ path: '/rollback' })}
          quiet
        />
      ) : (
        <AskOnce
          verb="Promote"
          label={`Promote version ${number}`}
          effect={`All callers will get version ${number}'s answers at once${model.live === null ? '' : ` instead of version ${model.live}'s. You can roll back at any time`}.`}
          act={() =>
            change.mutateAsync({
              path: '/promote',
              body: { version: number, reason: 'chosen in the console' },
            })
          }
          quiet
        />
      )}
      {version.state === 'idle' && !testing ? (
        <AskOnce
          verb="Test in shadow"
          label={`Test version ${number} in shadow`}
          effect={`Nothing changes for callers now. Version ${number} answers the same rows unseen, and is promoted by itself once it is proven better.`}
          act={() => change.mutateAsync({ path: '/rollouts', body: { candidate: number } })}
          quiet
        />
      ) : null}
    </Group>
  );
}
