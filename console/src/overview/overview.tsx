import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import type { ModelView, TimelineEntry } from '../../../server/src/api.ts';
import { modelsQuery, timelineQuery } from '../data/queries.ts';
import { TroublePage, Waiting } from '../parts/waiting.tsx';
import { When } from '../parts/when.tsx';
import { Entries } from '../timeline/entries.tsx';
import { plural } from '../words/numbers.ts';
import { Empty } from './empty.tsx';
import { useLastLook } from './last-look.ts';
import { ModelRow } from './model-row.tsx';

/** Entries of the timeline on this page. */
const shown = 8;

/** Is anything wrong? What changed since I last looked? */
export function Overview() {
  const { data: models, error } = useQuery(modelsQuery);
  const { data: entries } = useQuery(timelineQuery(undefined, shown));
  const looked = useLastLook();
  if (!models) return error ? <TroublePage error={error} /> : <Waiting>Asking Slipway …</Waiting>;
  if (models.length === 0) return <Empty />;
  return (
    <>
      <title>Slipway</title>
      <h1>{summary(models)}</h1>
      {entries ? <Since entries={entries} looked={looked} /> : null}
      <div className="models">
        {models.map((model) => (
          <ModelRow key={model.model} model={model} />
        ))}
      </div>
      <section className="section" aria-labelledby="lately">
        <header>
          <h2 id="lately">What changed lately</h2>
          <Link to="/timeline" className="small">
            everything
          </Link>
        </header>
        {entries ? <Entries entries={entries} since={looked} /> : <Waiting>Asking Slipway …</Waiting>}
      </section>
    </>
  );
}

/** The answer to "what changed since I last looked?", above everything that may be long. */
function Since({ entries, looked }: { entries: TimelineEntry[]; looked: number | null }) {
  const newest = entries[0];
  if (!newest) return null;
  const link = (text: string) => (
    <Link to="/" hash="lately">
      {text}
    </Link>
  );
  if (looked === null)
    return (
      <p className="quiet">
        {link('The newest change')} was <When at={newest.at} />.
      </p>
    );
  const news = entries.filter((one) => one.at > looked).length;
  return (
    <p className="quiet">
      {news === 0
        ? 'Nothing has changed'
        : link(`${news === shown ? 'At least ' : ''}${plural(news, 'change')}`)}{' '}
      since you last looked, <When at={looked} />.
    </p>
  );
}

/** The answer to "is anything wrong?", in one sentence. Pure. */
export function summary(models: ModelView[]): string {
  const names = (level: string) => models.filter((one) => one.health.level === level).map((one) => one.model);
  const act = names('act');
  const look = names('look');
  const all = models.length === 1 ? `${models[0]!.model} is well.` : `All ${models.length} models are well.`;
  const parts: string[] = [];
  if (act.length > 0) parts.push(`${listed(act)} ${act.length === 1 ? 'needs' : 'need'} you now`);
  if (look.length > 0) parts.push(`${listed(look)} ${look.length === 1 ? 'is' : 'are'} worth a look`);
  return parts.length === 0 ? `Nothing is wrong: ${all}` : `${parts.join('; ')}.`;
}

function listed(names: string[]): string {
  if (names.length > 3) return `${names.slice(0, 2).join(', ')} and ${names.length - 2} more`;
  return names.length < 2 ? names.join('') : `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`;
}
