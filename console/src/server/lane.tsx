import type { ReactNode } from 'react';
import type { LaneView } from '../../../server/src/api-processes.ts';
import { StateMark } from '../parts/state-mark.tsx';
import { Term } from '../parts/term.tsx';
import { count, milliseconds } from '../words/numbers.ts';

/** A lane as a row: whether it keeps up, and what it refused, by reason. */
export function Lane({ lane }: { lane: LaneView }) {
  const { pressed, turnLimit, turnMs, waitedMs, answered, refused } = lane;
  return (
    <article className="lane">
      <div>
        <h3>
          <StateMark level={pressed ? 'look' : 'well'} wordless /> lane-{lane.lane}
        </h3>
        <p className="quiet small">
          {pressed ? 'It has more to do than it can.' : 'It has room for more.'} {refusedSentence(refused)}
        </p>
      </div>
      <dl className="figures">
        <Figure name="answered" value={count(answered)} note="requests since its start" />
        <Figure
          name={<Term name="turn">longest turn</Term>}
          value={milliseconds(turnMs.max)}
          note={`99 of 100 within ${milliseconds(turnMs.p99)}`}
        />
        <Figure name="waited at most" value={milliseconds(waitedMs)} note="to be looked at, lately" />
        <Figure
          name={<Term name="turnLimit">a turn takes</Term>}
          value={turnLimit === null ? 'any' : count(turnLimit)}
          note={turnLimit === null ? 'it was never pressed' : 'while it is pressed'}
        />
      </dl>
    </article>
  );
}

/** Refusals by reason, the reasons that there are. Pure. */
export function refusedSentence({ unread, queue, late, gone }: LaneView['refused']): string {
  const reasons = [
    [unread, 'unread, as the lane had enough to do'],
    [queue, 'as too many waited for the model'],
    [late, 'past the deadline'],
    [gone, 'whose caller had gone'],
  ] as const;
  const said = reasons.filter(([times]) => times > 0).map(([times, why]) => `${count(times)} ${why}`);
  return said.length === 0 ? 'It has refused nothing.' : `Refused so far: ${said.join('; ')}.`;
}

function Figure({ name, value, note }: { name: ReactNode; value: string; note: string }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>
        <b>{value}</b>
        <span className="small quiet">{note}</span>
      </dd>
    </div>
  );
}
