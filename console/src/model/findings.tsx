import { Link } from '@tanstack/react-router';
import type { FindingView, ModelView } from '../../../server/src/api.ts';
import { StateMark } from '../parts/state-mark.tsx';
import { Term } from '../parts/term.tsx';
import { EventTime } from '../parts/when.tsx';
import { count } from '../words/numbers.ts';

/** What the monitors have noticed and that still holds: about the live version at once, about others on request. */
export function Findings({ model }: { model: ModelView }) {
  const open = model.findings
    .filter((one) => one.cleared === null)
    .sort((a, b) => a.level.localeCompare(b.level) || b.since - a.since);
  const live = open.filter((one) => one.version === model.live);
  const others = open.filter((one) => one.version !== model.live);
  if (open.length === 0) return null;
  return (
    <section className="section" aria-labelledby="findings">
      <header>
        <h2 id="findings">
          <Term name="finding">Findings</Term>
        </h2>
        <span className="small quiet">
          {live.length > 0 ? 'that still hold' : 'none about the live version'}
        </span>
      </header>
      <List model={model} findings={live} />
      {others.length > 0 ? (
        <details>
          <summary>
            {count(others.length)} about {others.length === 1 ? 'a version that is' : 'versions that are'} not
            live
          </summary>
          <List model={model} findings={others} />
        </details>
      ) : null}
    </section>
  );
}

function List({ model, findings }: { model: ModelView; findings: FindingView[] }) {
  return (
    <ul className="findings">
      {findings.map((finding) => (
        <li key={finding.id}>
          <StateMark level={finding.level} />
          <div>
            <p>{finding.message}</p>
            <p className="small quiet">
              {finding.hint} Version {finding.version}, since <EventTime at={finding.since} />.{' '}
              {finding.feature !== null ? (
                <Link
                  to="/models/$model"
                  params={{ model: model.model }}
                  search={(was) => ({
                    ...was,
                    version: finding.version,
                    feature: finding.feature ?? undefined,
                  })}
                  hash="drift"
                >
                  Then and now
                </Link>
              ) : null}
            </p>
            {finding.evidence.printed === undefined ? null : (
              <details>
                <summary>What it printed last</summary>
                <pre className="small">{finding.evidence.printed}</pre>
              </details>
            )}
          </div>
        </li>
      ))}
    </ul>
  );
}
