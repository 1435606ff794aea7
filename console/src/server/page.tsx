import { useQuery } from '@tanstack/react-query';
import type { StatusView } from '../../../server/src/api.ts';
import { statusQuery } from '../data/queries.ts';
import { TroublePage, Waiting } from '../parts/waiting.tsx';
import { When } from '../parts/when.tsx';
import { bytes, milliseconds, plural } from '../words/numbers.ts';
import { Lane } from './lane.tsx';
import { isAway, Processes } from './processes.tsx';

/** Nothing tells the console of a lane's figures: it asks, ms. */
const everyMs = 5000;

/** Does Slipway itself keep up, and are its processes there? */
export function ServerPage() {
  const { data: status, error } = useQuery({ ...statusQuery, refetchInterval: everyMs });
  if (!status) return error ? <TroublePage error={error} /> : <Waiting>Asking Slipway …</Waiting>;
  return (
    <>
      <title>Server · Slipway</title>
      <h1>{keepsUp(status)}</h1>
      <p className="quiet">
        Slipway {status.version}, up since <When at={status.startedAt} />: predictions and labels at{' '}
        <span className="mono">{status.dataPlane}</span>, over gRPC at{' '}
        <span className="mono">{status.grpc}</span>. Everything is kept in{' '}
        <span className="mono">{status.dataFolder}</span>
        {status.journal.bytes === 0 ? '.' : `, ${bytes(status.journal.bytes)} of journal.`}
      </p>
      <section className="section" aria-labelledby="lanes">
        <header>
          <h2 id="lanes">Lanes</h2>
        </header>
        {status.lanes.length === 0 ? <Waiting>None is ready: the next one is being started.</Waiting> : null}
        {status.lanes.map((lane) => (
          <Lane key={lane.lane} lane={lane} />
        ))}
      </section>
      <Processes processes={status.processes} />
    </>
  );
}

/** The answer in one sentence. Pure. */
export function keepsUp({ lanes, processes }: Pick<StatusView, 'lanes' | 'processes'>): string {
  const away = processes.filter(isAway).map(({ name }) => name);
  const pressed = lanes.filter((lane) => lane.pressed).length;
  if (lanes.length === 0) return 'No lane answers: predictions wait until the next one is there.';
  if (pressed > 0) {
    const who = pressed === lanes.length ? 'Every lane' : `${pressed} of ${plural(lanes.length, 'lane')}`;
    return `${who} ${pressed === 1 || pressed === lanes.length ? 'has' : 'have'} more to do than can be done: what cannot be answered in time is refused at once.`;
  }
  if (away.length > 0) return `${away.join(', ')} ${away.length === 1 ? 'is' : 'are'} being started again.`;
  const longest = Math.max(...lanes.map(({ turnMs }) => turnMs.max));
  return `Slipway keeps up: the longest turn of a lane in the last minute took ${milliseconds(longest)}.`;
}
