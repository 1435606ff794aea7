import { Button } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { reproductionQuery } from '../data/queries.ts';
import { StateMark } from '../parts/state-mark.tsx';
import { Trouble } from '../parts/waiting.tsx';
import { count } from '../words/numbers.ts';

/** Answers the row again from its record, by the same version in the same state, and says whether it is the same. */
export function Reproduction({ id }: { id: string }) {
  const [wanted, setWanted] = useState(false);
  const { data, error, isFetching } = useQuery({ ...reproductionQuery(id), enabled: wanted });
  return (
    <div className="reproduction">
      <Button size="xs" variant="default" loading={isFetching} onClick={() => setWanted(true)}>
        Reproduce
      </Button>
      <div aria-live="polite">
        {error ? <Trouble error={error} /> : null}
        {data?.answers.map((one) => (
          <p key={one.version} className="small">
            <StateMark level={one.equal ? 'well' : 'look'} wordless /> Version {one.version}
            {one.update ? ` at update ${count(one.update)}` : ''}:{' '}
            {one.reproduced === null
              ? `cannot be answered again: ${one.why ?? 'no reason given'}`
              : one.equal
                ? `the same answer again, ${one.reproduced.join(', ')}.`
                : `${one.reproduced.join(', ')} now, ${one.journaled.join(', ')} in the journal.`}
          </p>
        ))}
      </div>
    </div>
  );
}
