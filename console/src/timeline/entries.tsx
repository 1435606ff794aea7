import { Link } from '@tanstack/react-router';
import type { TimelineEntry } from '../../../server/src/api.ts';
import { StateMark } from '../parts/state-mark.tsx';
import { Term } from '../parts/term.tsx';
import { EventTime, When } from '../parts/when.tsx';

/** What happened, who or what did it, and why: newest first; what came after `since` is marked as new. */
export function Entries({ entries, since = null }: { entries: TimelineEntry[]; since?: number | null }) {
  if (entries.length === 0)
    return (
      <p className="quiet">Nothing has happened yet; deploys, findings and promotions will stand here.</p>
    );
  return (
    <ol className="entries">
      {entries.map((entry) => (
        <Entry key={entry.id} entry={entry} isNew={since !== null && entry.at > since} />
      ))}
    </ol>
  );
}

/** The part of the model's page that an entry is about. */
const places: Record<string, string> = {
  finding: 'findings',
  promote: 'rollout',
  'roll back': 'rollout',
  rollback: 'rollout',
  rollout: 'rollout',
  deploy: 'versions',
  tune: 'versions',
  checkpoint: 'versions',
  restore: 'versions',
  quarantine: 'versions',
};

function Entry({ entry, isNew }: { entry: TimelineEntry; isNew: boolean }) {
  const place = places[entry.kind];
  const open = place === 'versions' && entry.version !== null ? { open: entry.version } : {};
  return (
    <li>
      <StateMark level={entry.level} wordless />
      <div className="entry-says">
        <p>
          {entry.model ? (
            <>
              <Link
                to="/models/$model"
                params={{ model: entry.model }}
                search={open}
                {...(place ? { hash: place } : {})}
                data-row
              >
                {entry.model}
              </Link>
              :{' '}
            </>
          ) : null}
          {entry.message}
        </p>
        {entry.reasons.length > 0 ? (
          <details>
            <summary>why</summary>
            <ul>
              {entry.reasons.map((reason) => (
                <li key={reason}>{reason}</li>
              ))}
            </ul>
          </details>
        ) : null}
      </div>
      <p className="entry-when small quiet">
        {isNew ? <b className="new">new </b> : null}
        {entry.kind}, by {entry.by}
        <br />
        <When at={entry.at} />
        {entry.eventTime !== null ? (
          <>
            , <Term name="eventTime">event time</Term> <EventTime at={entry.eventTime} />
          </>
        ) : null}
      </p>
    </li>
  );
}
