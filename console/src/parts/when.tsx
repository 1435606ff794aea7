import { Tooltip } from '@mantine/core';
import { useEffect, useState } from 'react';
import { eventDate, eventMinute, exact, relative } from '../words/times.ts';

/** Wall time: relative, exact on hover; it keeps up by itself. */
export function When({ at }: { at: number }) {
  const [, tick] = useState(0);
  useEffect(() => {
    const timer = setInterval(() => tick((n) => n + 1), 30_000);
    return () => clearInterval(timer);
  }, []);
  return (
    <Tooltip label={exact(at)}>
      <time dateTime={new Date(at).toISOString()}>{relative(at)}</time>
    </Tooltip>
  );
}

/** Event time: a date, the minute on hover. */
export function EventTime({ at }: { at: number }) {
  return (
    <Tooltip label={`${eventMinute(at)}, event time`}>
      <time dateTime={new Date(at).toISOString()}>{eventDate(at)}</time>
    </Tooltip>
  );
}
