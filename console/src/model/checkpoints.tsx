import { Button } from '@mantine/core';
import { useState } from 'react';
import type { ModelView, VersionView } from '../../../server/src/api.ts';
import { useChange } from '../data/queries.ts';
import { AskOnce } from '../parts/ask-once.tsx';
import { StateMark } from '../parts/state-mark.tsx';
import { Term } from '../parts/term.tsx';
import { EventTime } from '../parts/when.tsx';
import { count } from '../words/numbers.ts';

interface Props {
  model: ModelView;
  version: VersionView;
  learner: NonNullable<VersionView['learner']>;
}

const few = 6;

/** A learner's saved states, newest first, each one a place to return to. */
export function Checkpoints({ model, version, learner }: Props) {
  const [all, setAll] = useState(false);
  const change = useChange(model.model);
  const newest = [...learner.checkpoints].sort((a, b) => b.update - a.update);
  const live = version.version === model.live;
  return (
    <div className="learner">
      <h4>
        <Term name="checkpoint">Checkpoints</Term>
      </h4>
      <p className="small quiet">
        It has learned from {count(learner.update)} labels (<Term name="update">update</Term>{' '}
        {count(learner.update)}).
      </p>
      {newest.length === 0 ? (
        <p className="small quiet">The first is saved after its first stretch of labels.</p>
      ) : null}
      <ul className="checkpoints">
        {(all ? newest : newest.slice(0, few)).map((one) => {
          const passed = one.gates.every((gate) => gate.passed);
          return (
            <li key={one.digest + one.update}>
              <StateMark level={passed ? 'well' : 'act'} wordless />
              <span className="grow">
                <b>update {count(one.update)}</b>{' '}
                <span className="small quiet">
                  <EventTime at={one.at} />, {one.reason};{' '}
                  {passed
                    ? 'gates passed'
                    : one.gates
                        .filter((gate) => !gate.passed)
                        .map((gate) => `${gate.name}: ${gate.detail}`)
                        .join('; ')}
                </span>
              </span>
              {passed && one.update !== learner.update ? (
                <AskOnce
                  verb="Return"
                  label={`Return to checkpoint ${count(one.update)} of version ${version.version}`}
                  effect={`${live ? 'All callers will get the answers of this older state at once.' : 'Nothing changes for callers: the version is not live.'} It goes on learning from here; later checkpoints stay, and you can return to them.`}
                  act={() =>
                    change.mutateAsync({
                      path: `/versions/${version.version}/checkpoints/${one.update}/restore`,
                      body: {},
                    })
                  }
                  quiet
                />
              ) : null}
            </li>
          );
        })}
      </ul>
      {newest.length > few ? (
        <Button size="xs" variant="subtle" onClick={() => setAll(!all)}>
          {all ? 'Fewer' : `All ${newest.length}`}
        </Button>
      ) : null}
    </div>
  );
}
