import { Link } from '@tanstack/react-router';
import type { ModelView } from '../../../server/src/api.ts';
import { StateMark } from '../parts/state-mark.tsx';
import { Term } from '../parts/term.tsx';
import { EventTime } from '../parts/when.tsx';

/** What the monitors have noticed and that still holds; the live version's first. */
export function Findings({ model }: { model: ModelView }) {
  const open = model.findings
    .filter((one) => one.cleared === null)
    .sort((a, b) => Number(b.version === model.live) - Number(a.version === model.live));
  if (open.length === 0) return null;
  return (
    <section className="section" aria-labelledby="findings">
      <header>
        <h2 id="findings">
          <Term name="finding">Findings</Term>
        </h2>
        <span className="small quiet">
          {open.some((one) => one.version === model.live)
            ? 'that still hold'
            : 'none about the live version; about others:'}
        </span>
      </header>
      <ul className="findings">
        {open.map((finding) => (
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
            </div>
          </li>
        ))}
      </ul>
    </section>
  );
}
