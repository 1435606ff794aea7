import { Link } from '@tanstack/react-router';
import type { ProcessView } from '../../../server/src/api-processes.ts';
import { StateMark } from '../parts/state-mark.tsx';
import { Term } from '../parts/term.tsx';
import { When } from '../parts/when.tsx';
import { count, plural } from '../words/numbers.ts';

/** Every process, what it is for, what it holds, and how often it had to be started again. */
export function Processes({ processes }: { processes: ProcessView[] }) {
  const restarts = processes.reduce((sum, one) => sum + one.restarts, 0);
  const memory = processes.reduce((sum, one) => sum + one.megabytes, 0);
  return (
    <section className="section" aria-labelledby="processes">
      <header>
        <h2 id="processes">Processes</h2>
        <span className="small quiet">
          {count(Math.round(memory))} MB together;{' '}
          {restarts === 0 ? 'none had to be started again' : `${plural(restarts, 'restart')} in all`}
        </span>
      </header>
      <table className="processes">
        <thead>
          <tr>
            <th>process</th>
            <th className="right">memory</th>
            <th className="right">restarts</th>
            <th>since</th>
          </tr>
        </thead>
        <tbody>
          {processes.map((one) => (
            <tr key={`${one.name} ${one.pid}`}>
              <th scope="row">
                <StateMark level={isAway(one) ? 'look' : 'well'} wordless /> {one.name}
                <span className="small quiet">
                  <Purpose process={one} />
                </span>
              </th>
              <td className="right">
                {one.megabytes === 0 ? '–' : `${count(Math.round(one.megabytes))} MB`}
              </td>
              <td className="right">{count(one.restarts)}</td>
              <td>
                <Since process={one} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

/** It does not do its work, and should: one that sleeps is not asked. */
export function isAway({ state }: Pick<ProcessView, 'state'>): boolean {
  return state === 'starting' || state === 'stopped';
}

function Since({ process: { state, startedAt } }: { process: ProcessView }) {
  if (state === 'asleep') return <Term name="asleep">asleep</Term>;
  return state === 'ready' ? <When at={startedAt} /> : state;
}

const purposes: { [kind: string]: string } = {
  supervisor: 'starts and replaces the others',
  control: 'registry, API, this console',
  loops: 'watches, tests, learns',
  lane: 'answers predictions',
};

function Purpose({ process: { name, scores } }: { process: ProcessView }) {
  if (!scores)
    return <>{purposes[name.replace(/-.*/, '')] ?? <Term name="scorer">a version of its own</Term>}</>;
  return (
    <>
      <Term name="scorer">version {scores.version}</Term> of{' '}
      <Link to="/models/$model" params={{ model: scores.model }}>
        {scores.model}
      </Link>
    </>
  );
}
